//! The Lambda behind `GET /coupons`.

fn main() -> runtime::Exit {
    coupons::mains::list()
}
