//! The Lambda `products-update-variant`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::update_variant::handle)
}
