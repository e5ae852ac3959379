//! The Lambda `products-remove-variant`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::remove_variant::handle)
}
