//! The Lambda behind `POST /orders`.

fn main() -> runtime::Exit {
    runtime::serve_http(orders::place::handle)
}
