//! The Lambda behind `GET /products`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::list::handle)
}
