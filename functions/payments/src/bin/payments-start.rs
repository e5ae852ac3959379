//! The Lambda `payments-start`.

fn main() -> runtime::Exit {
    payments::mains::start()
}
