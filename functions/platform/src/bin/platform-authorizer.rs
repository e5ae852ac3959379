//! The Lambda authorizer of the API.

fn main() -> runtime::Exit {
    runtime::serve_authorizer(platform::authorizer::handle)
}
