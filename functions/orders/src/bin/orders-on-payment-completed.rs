//! The Lambda `orders-on-payment-completed`.

fn main() -> runtime::Exit {
    orders::mains::on_payment_completed()
}
