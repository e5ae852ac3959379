//! The Lambda `products-create`.

fn main() -> runtime::Exit {
    products::mains::create()
}
