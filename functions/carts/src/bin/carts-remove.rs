//! The Lambda behind `DELETE /cart/items/{id}`.

fn main() -> runtime::Exit {
    runtime::serve_http(carts::remove::handle)
}
