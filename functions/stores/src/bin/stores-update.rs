//! The Lambda `stores-update`.

fn main() -> runtime::Exit {
    runtime::serve_http(stores::update::handle)
}
