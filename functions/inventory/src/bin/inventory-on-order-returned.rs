//! The Lambda that follows `ORDER_RETURNED`.

fn main() -> runtime::Exit {
    inventory::mains::on_order_returned()
}
