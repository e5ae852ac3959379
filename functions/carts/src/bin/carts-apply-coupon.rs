//! The Lambda behind `POST /cart/coupon`.

fn main() -> runtime::Exit {
    carts::mains::apply_coupon()
}
