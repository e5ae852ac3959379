//! The Lambda `products-remove-variant`.

fn main() -> runtime::Exit {
    products::mains::remove_variant()
}
