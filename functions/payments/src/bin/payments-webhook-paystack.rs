//! The Lambda `payments-webhook-paystack`.

fn main() -> runtime::Exit {
    runtime::serve_http(payments::webhook_paystack::handle)
}
