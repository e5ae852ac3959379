//! The Lambda behind `POST /orders/{id}/cancel`.

fn main() -> runtime::Exit {
    orders::mains::cancel()
}
