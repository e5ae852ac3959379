//! The Lambda behind `GET /admin/orders`.

fn main() -> runtime::Exit {
    orders::mains::list_all()
}
