//! The Lambda behind `POST /inventory/{variant_id}/adjust`.

fn main() -> runtime::Exit {
    runtime::serve_http(inventory::adjust::handle)
}
