//! The Lambda that follows `ORDER_CANCELLED`.

fn main() -> runtime::Exit {
    coupons::mains::on_order_cancelled()
}
