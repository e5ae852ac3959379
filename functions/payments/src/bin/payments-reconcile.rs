//! The Lambda `payments-reconcile`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(payments::reconcile::handle)
}
