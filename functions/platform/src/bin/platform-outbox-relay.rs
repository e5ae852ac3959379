//! The Lambda `platform-outbox-relay`.

fn main() -> runtime::Exit {
    platform::mains::outbox_relay()
}
