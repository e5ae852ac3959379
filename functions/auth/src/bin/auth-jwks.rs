//! The Lambda behind `GET /.well-known/jwks.json`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::jwks::handle)
}
