//! The Lambda `notifications-on-event`.

fn main() -> runtime::Exit {
    notifications::mains::on_event()
}
