//! The Lambda `platform-openapi`.

fn main() -> runtime::Exit {
    runtime::serve_http(platform::openapi::handle)
}
