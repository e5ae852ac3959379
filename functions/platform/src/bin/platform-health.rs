//! The Lambda `platform-health`.

fn main() -> runtime::Exit {
    platform::mains::health()
}
