//! The Lambda `platform-dead-letters`.

fn main() -> runtime::Exit {
    platform::mains::dead_letters()
}
