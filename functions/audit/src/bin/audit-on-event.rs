//! The Lambda `audit-on-event`.

fn main() -> runtime::Exit {
    audit::mains::on_event()
}
