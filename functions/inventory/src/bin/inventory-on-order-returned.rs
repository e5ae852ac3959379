//! The Lambda that follows `ORDER_RETURNED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(inventory::on_order_returned::handle)
}
