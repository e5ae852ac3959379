//! The Lambda that follows `STOCK_COUNT_UPDATED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(orders::on_stock_updated::handle)
}
