//! The Lambda `payments-reconcile`.

fn main() -> runtime::Exit {
    payments::mains::reconcile()
}
