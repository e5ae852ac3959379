//! The Lambda `payments-process-webhook`.

fn main() -> runtime::Exit {
    payments::mains::process_webhook()
}
