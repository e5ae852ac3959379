//! The Lambda `payments-webhook-paystack`.

fn main() -> runtime::Exit {
    payments::mains::webhook_paystack()
}
