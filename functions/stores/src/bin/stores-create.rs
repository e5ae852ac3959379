//! The Lambda `stores-create`.

fn main() -> runtime::Exit {
    runtime::serve_http(stores::create::handle)
}
