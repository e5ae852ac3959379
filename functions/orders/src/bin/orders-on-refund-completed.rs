//! The Lambda that follows `REFUND_COMPLETED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(orders::on_refund_completed::handle)
}
