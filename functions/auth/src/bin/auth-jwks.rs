//! The Lambda behind `GET /.well-known/jwks.json`.

fn main() -> runtime::Exit {
    auth::mains::jwks()
}
