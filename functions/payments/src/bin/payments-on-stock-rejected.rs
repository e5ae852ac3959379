//! The Lambda `payments-on-stock-rejected`.

fn main() -> runtime::Exit {
    payments::mains::on_stock_rejected()
}
