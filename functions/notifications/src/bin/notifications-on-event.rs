//! The Lambda `notifications-on-event`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(notifications::on_event::handle)
}
