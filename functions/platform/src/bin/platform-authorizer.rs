//! The Lambda authorizer of the API.

fn main() -> runtime::Exit {
    platform::mains::authorizer()
}
