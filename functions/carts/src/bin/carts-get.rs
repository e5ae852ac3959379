//! The Lambda behind `GET /cart`.

fn main() -> runtime::Exit {
    carts::mains::get()
}
