//! The Lambda behind `GET /inventory/{variant_id}/movements`.

fn main() -> runtime::Exit {
    runtime::serve_http(inventory::movements::handle)
}
