//! The Lambda behind `GET /orders`.

fn main() -> runtime::Exit {
    orders::mains::list()
}
