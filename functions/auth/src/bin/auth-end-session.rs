//! The Lambda behind `DELETE /auth/sessions/{id}`.

fn main() -> runtime::Exit {
    auth::mains::end_session()
}
