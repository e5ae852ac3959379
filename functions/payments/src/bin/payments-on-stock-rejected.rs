//! The Lambda `payments-on-stock-rejected`.

fn main() -> runtime::Exit {
    runtime::serve_consumer(payments::on_stock_rejected::handle)
}
