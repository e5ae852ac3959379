//! The Lambda that follows `STOCK_REJECTED`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(orders::on_stock_rejected::handle)
}
