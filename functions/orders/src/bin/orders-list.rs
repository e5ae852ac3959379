//! The Lambda behind `GET /orders`.

fn main() -> runtime::Exit {
    runtime::serve_http(orders::list::handle)
}
