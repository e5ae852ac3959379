//! The Lambda `stores-status`.

fn main() -> runtime::Exit {
    runtime::serve_http(stores::status::handle)
}
