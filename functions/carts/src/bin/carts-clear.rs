//! The Lambda behind `DELETE /cart`.

fn main() -> runtime::Exit {
    runtime::serve_http(carts::clear::handle)
}
