//! The Lambda `stores-list`.

fn main() -> runtime::Exit {
    runtime::serve_http(stores::list::handle)
}
