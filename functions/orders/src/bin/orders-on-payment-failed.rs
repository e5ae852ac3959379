//! The Lambda that follows `PAYMENT_FAILED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(orders::on_payment_failed::handle)
}
