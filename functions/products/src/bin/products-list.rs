//! The Lambda `products-list`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::list::handle)
}
