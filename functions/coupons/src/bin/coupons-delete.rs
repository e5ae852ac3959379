//! The Lambda behind `DELETE /coupons/{id}`.

fn main() -> runtime::Exit {
    coupons::mains::delete()
}
