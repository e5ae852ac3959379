//! The Lambda that follows `PAYMENT_FAILED`.

fn main() -> runtime::Exit {
    orders::mains::on_payment_failed()
}
