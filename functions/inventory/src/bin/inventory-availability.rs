//! The Lambda behind `GET /inventory/{variant_id}/availability`.

fn main() -> runtime::Exit {
    runtime::serve_http(inventory::availability::handle)
}
