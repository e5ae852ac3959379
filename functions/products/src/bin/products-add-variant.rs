//! The Lambda `products-add-variant`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::add_variant::handle)
}
