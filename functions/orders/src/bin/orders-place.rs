//! The Lambda `orders-place`.

fn main() -> runtime::Exit {
    runtime::serve_http(orders::place::handle)
}
