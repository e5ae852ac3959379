//! The Lambda behind `PATCH /cart/items/{id}`.

fn main() -> runtime::Exit {
    carts::mains::change()
}
