//! The Lambda behind `GET /inventory/{variant_id}`.

fn main() -> runtime::Exit {
    inventory::mains::get()
}
