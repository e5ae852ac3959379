//! The Lambda `products-status`.

fn main() -> runtime::Exit {
    products::mains::status()
}
