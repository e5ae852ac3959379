//! The Lambda `orders-place`.

fn main() -> runtime::Exit {
    orders::mains::place()
}
