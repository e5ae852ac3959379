//! The Lambda behind `POST /cart/items`.

fn main() -> runtime::Exit {
    carts::mains::add()
}
