//! The Lambda behind `POST /auth/verify-email`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::verify_email::handle)
}
