//! The Lambda `payments-on-order-cancelled`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(payments::on_order_cancelled::handle)
}
