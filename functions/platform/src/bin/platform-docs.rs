//! The Lambda `platform-docs`.

fn main() -> runtime::Exit {
    runtime::serve_http(platform::docs::handle)
}
