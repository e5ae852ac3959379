//! The Lambda that follows `ORDER_PAYMENT_COMPLETED`.

fn main() -> runtime::Exit {
    inventory::mains::on_order_paid()
}
