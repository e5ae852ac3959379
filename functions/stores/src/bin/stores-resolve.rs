//! The Lambda `stores-resolve`.

fn main() -> runtime::Exit {
    stores::mains::resolve()
}
