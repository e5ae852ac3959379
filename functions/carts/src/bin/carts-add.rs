//! The Lambda behind `POST /cart/items`.

fn main() -> runtime::Exit {
    runtime::serve_http(carts::add::handle)
}
