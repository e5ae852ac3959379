//! The Lambda behind `GET /coupons/{id}`.

fn main() -> runtime::Exit {
    coupons::mains::get()
}
