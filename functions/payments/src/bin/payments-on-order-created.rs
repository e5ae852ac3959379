//! The Lambda `payments-on-order-created`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(payments::on_order_created::handle)
}
