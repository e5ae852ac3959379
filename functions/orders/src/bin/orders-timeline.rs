//! The Lambda behind `GET /orders/{id}/timeline`.

fn main() -> runtime::Exit {
    runtime::serve_http(orders::timeline::handle)
}
