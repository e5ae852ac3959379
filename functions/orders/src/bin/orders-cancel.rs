//! The Lambda behind `POST /orders/{id}/cancel`.

fn main() -> runtime::Exit {
    runtime::serve_http(orders::cancel::handle)
}
