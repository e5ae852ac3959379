//! The Lambda behind `GET /orders/{id}`.

fn main() -> runtime::Exit {
    orders::mains::get()
}
