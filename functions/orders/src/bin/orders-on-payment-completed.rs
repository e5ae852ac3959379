//! The Lambda `orders-on-payment-completed`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(orders::on_payment_completed::handle)
}
