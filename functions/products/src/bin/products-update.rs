//! The Lambda `products-update`.

fn main() -> runtime::Exit {
    runtime::serve_http(products::update::handle)
}
