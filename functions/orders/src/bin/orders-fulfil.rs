//! The Lambda behind `POST /orders/{id}/fulfilment`.

fn main() -> runtime::Exit {
    orders::mains::fulfil()
}
