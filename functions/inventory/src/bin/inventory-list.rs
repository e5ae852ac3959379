//! The Lambda behind `GET /inventory`.

fn main() -> runtime::Exit {
    runtime::serve_http(inventory::list::handle)
}
