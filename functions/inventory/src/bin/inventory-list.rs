//! The Lambda behind `GET /inventory`.

fn main() -> runtime::Exit {
    inventory::mains::list()
}
