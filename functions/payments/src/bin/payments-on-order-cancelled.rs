//! The Lambda `payments-on-order-cancelled`.

fn main() -> runtime::Exit {
    payments::mains::on_order_cancelled()
}
