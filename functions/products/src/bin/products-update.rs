//! The Lambda `products-update`.

fn main() -> runtime::Exit {
    products::mains::update()
}
