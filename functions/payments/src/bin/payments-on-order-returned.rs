//! The Lambda `payments-on-order-returned`.

fn main() -> runtime::Exit {
    payments::mains::on_order_returned()
}
