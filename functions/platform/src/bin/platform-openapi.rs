//! The Lambda `platform-openapi`.

fn main() -> runtime::Exit {
    platform::mains::openapi()
}
