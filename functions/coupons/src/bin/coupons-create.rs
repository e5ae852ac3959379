//! The Lambda behind `POST /coupons`.

fn main() -> runtime::Exit {
    coupons::mains::create()
}
