//! The Lambda `products-update-variant`.

fn main() -> runtime::Exit {
    products::mains::update_variant()
}
