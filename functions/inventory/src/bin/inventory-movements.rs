//! The Lambda behind `GET /inventory/{variant_id}/movements`.

fn main() -> runtime::Exit {
    inventory::mains::movements()
}
