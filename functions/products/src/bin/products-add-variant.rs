//! The Lambda `products-add-variant`.

fn main() -> runtime::Exit {
    products::mains::add_variant()
}
