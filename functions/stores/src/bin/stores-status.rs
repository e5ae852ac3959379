//! The Lambda `stores-status`.

fn main() -> runtime::Exit {
    stores::mains::status()
}
