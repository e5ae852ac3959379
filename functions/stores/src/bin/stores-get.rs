//! The Lambda `stores-get`.

fn main() -> runtime::Exit {
    runtime::serve_http(stores::get::handle)
}
