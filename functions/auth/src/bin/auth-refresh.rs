//! The Lambda behind `POST /auth/refresh`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::refresh::handle)
}
