//! The Lambda behind `DELETE /cart/items/{id}`.

fn main() -> runtime::Exit {
    carts::mains::remove()
}
