//! The Lambda `platform-docs`.

fn main() -> runtime::Exit {
    platform::mains::docs()
}
