//! The Lambda `platform-republish`.

fn main() -> runtime::Exit {
    platform::mains::republish()
}
