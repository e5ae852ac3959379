//! The Lambda that follows `ORDER_RETURNED`.

fn main() -> runtime::Exit {
    payments::mains::on_order_returned()
}
