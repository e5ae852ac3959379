//! The Lambda behind `POST /orders/{id}/returns`.

fn main() -> runtime::Exit {
    orders::mains::request_return()
}
