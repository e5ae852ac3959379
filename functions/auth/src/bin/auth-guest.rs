//! The Lambda behind `POST /auth/guest`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::guest::handle)
}
