//! The Lambda behind `DELETE /cart`.

fn main() -> runtime::Exit {
    carts::mains::clear()
}
