//! The Lambda `products-get`.

fn main() -> runtime::Exit {
    products::mains::get()
}
