//! The Lambda `payments-get`.

fn main() -> runtime::Exit {
    runtime::serve_http(payments::get::handle)
}
