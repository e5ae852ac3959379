//! The Lambda that follows `ORDER_CANCELLED`.

fn main() -> runtime::Exit {
    inventory::mains::on_order_cancelled()
}
