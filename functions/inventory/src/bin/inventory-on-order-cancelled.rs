//! The Lambda that follows `ORDER_CANCELLED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(inventory::on_order_cancelled::handle)
}
