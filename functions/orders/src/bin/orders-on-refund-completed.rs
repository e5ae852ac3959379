//! The Lambda that follows `REFUND_COMPLETED`.

fn main() -> runtime::Exit {
    orders::mains::on_refund_completed()
}
