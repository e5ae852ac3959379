//! The Lambda `platform-health`.

fn main() -> runtime::Exit {
    runtime::serve_http(platform::health::handle)
}
