//! The Lambda behind `GET /orders/{id}`.

fn main() -> runtime::Exit {
    runtime::serve_http(orders::get::handle)
}
