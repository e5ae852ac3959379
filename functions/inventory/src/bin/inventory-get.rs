//! The Lambda behind `GET /inventory/{variant_id}`.

fn main() -> runtime::Exit {
    runtime::serve_http(inventory::get::handle)
}
