//! The Lambda behind `POST /cart/merge`.

fn main() -> runtime::Exit {
    carts::mains::merge()
}
