//! The Lambda behind `GET /orders/{id}/timeline`.

fn main() -> runtime::Exit {
    orders::mains::timeline()
}
