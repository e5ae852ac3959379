//! The Lambda `stores-create`.

fn main() -> runtime::Exit {
    stores::mains::create()
}
