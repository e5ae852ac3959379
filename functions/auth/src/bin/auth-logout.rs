//! The Lambda behind `POST /auth/logout`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::logout::handle)
}
