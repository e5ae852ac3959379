//! The Lambda that follows `ORDER_PAYMENT_COMPLETED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(inventory::on_order_paid::handle)
}
