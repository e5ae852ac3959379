//! The Lambda that follows `ORDER_CREATED` when the payment window is over.

fn main() -> runtime::Exit {
    orders::mains::expire()
}
