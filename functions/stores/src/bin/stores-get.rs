//! The Lambda `stores-get`.

fn main() -> runtime::Exit {
    stores::mains::get()
}
