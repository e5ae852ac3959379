//! The Lambda `payments-get`.

fn main() -> runtime::Exit {
    payments::mains::get()
}
