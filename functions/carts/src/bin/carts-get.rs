//! The Lambda behind `GET /cart`.

fn main() -> runtime::Exit {
    runtime::serve_http(carts::get::handle)
}
