//! The Lambda `products-create`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::create::handle)
}
