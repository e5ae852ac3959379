//! The Lambda that follows `PAYMENT_COMPLETED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(orders::on_payment_completed::handle)
}
