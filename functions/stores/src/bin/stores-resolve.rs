//! The Lambda `stores-resolve`.

fn main() -> runtime::Exit {
    runtime::serve_http(stores::resolve::handle)
}
