//! The Lambda `audit-on-event`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(audit::on_event::handle)
}
