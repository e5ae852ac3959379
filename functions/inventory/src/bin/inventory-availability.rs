//! The Lambda behind `GET /inventory/{variant_id}/availability`.

fn main() -> runtime::Exit {
    inventory::mains::availability()
}
