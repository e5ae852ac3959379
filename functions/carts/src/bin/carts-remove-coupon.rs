//! The Lambda behind `DELETE /cart/coupon`.

fn main() -> runtime::Exit {
    carts::mains::remove_coupon()
}
