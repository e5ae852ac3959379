//! The Lambda `payments-on-order-created`.

fn main() -> runtime::Exit {
    payments::mains::on_order_created()
}
