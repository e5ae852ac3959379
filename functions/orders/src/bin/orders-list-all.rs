//! The Lambda behind `GET /admin/orders`.

fn main() -> runtime::Exit {
    runtime::serve_http(orders::list_all::handle)
}
