//! The Lambda that follows `ORDER_CREATED` when the payment window is over.

fn main() -> runtime::Exit {
    runtime::serve_consumer(orders::expire::handle)
}
