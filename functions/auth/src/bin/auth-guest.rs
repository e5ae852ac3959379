//! The Lambda behind `POST /auth/guest`.

fn main() -> runtime::Exit {
    auth::mains::guest()
}
