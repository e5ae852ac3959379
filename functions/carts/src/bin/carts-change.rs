//! The Lambda behind `PATCH /cart/items/{id}`.

fn main() -> runtime::Exit {
    runtime::serve_http(carts::change::handle)
}
