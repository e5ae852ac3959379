//! The Lambda behind `PATCH /coupons/{id}`.

fn main() -> runtime::Exit {
    coupons::mains::update()
}
