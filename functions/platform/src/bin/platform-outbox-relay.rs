//! The Lambda `platform-outbox-relay`.

fn main() -> runtime::Exit {
    runtime::serve_stream(platform::outbox_relay::handle)
}
