//! The Lambda `products-list`.

fn main() -> runtime::Exit {
    products::mains::list()
}
