//! The Lambda `payments-start`.

fn main() -> runtime::Exit {
    runtime::serve_http(payments::start::handle)
}
