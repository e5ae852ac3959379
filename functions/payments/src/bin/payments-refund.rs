//! The Lambda `payments-refund`.

fn main() -> runtime::Exit {
    payments::mains::refund()
}
