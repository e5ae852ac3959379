//! The Lambda that follows `STOCK_REJECTED`.

fn main() -> runtime::Exit {
    orders::mains::on_stock_rejected()
}
