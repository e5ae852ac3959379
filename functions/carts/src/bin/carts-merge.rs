//! The Lambda behind `POST /cart/merge`.

fn main() -> runtime::Exit {
    runtime::serve_http(carts::merge::handle)
}
