//! The Lambda `products-status`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::status::handle)
}
