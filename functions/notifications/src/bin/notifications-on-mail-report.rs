//! The Lambda `notifications-on-mail-report`.

fn main() -> runtime::Exit {
    notifications::mains::on_mail_report()
}
