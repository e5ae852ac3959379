//! The Lambda `platform-redrive`.

fn main() -> runtime::Exit {
    platform::mains::redrive()
}
