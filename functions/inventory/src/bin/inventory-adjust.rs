//! The Lambda behind `POST /inventory/{variant_id}/adjust`.

fn main() -> runtime::Exit {
    inventory::mains::adjust()
}
