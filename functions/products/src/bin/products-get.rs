//! The Lambda `products-get`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::get::handle)
}
