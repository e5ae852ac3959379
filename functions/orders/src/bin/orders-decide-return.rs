//! The Lambda behind `POST /orders/{id}/returns/{return_id}/decide`.

fn main() -> runtime::Exit {
    orders::mains::decide_return()
}
