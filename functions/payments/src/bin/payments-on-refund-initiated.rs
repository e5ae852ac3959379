//! The Lambda `payments-on-refund-initiated`.

fn main() -> runtime::Exit {
    payments::mains::on_refund_initiated()
}
