//! The Lambda `payments-process-webhook`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(payments::process_webhook::handle)
}
