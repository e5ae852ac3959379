//! The Lambda that follows `STOCK_COUNT_UPDATED`.

fn main() -> runtime::Exit {
    orders::mains::on_stock_updated()
}
