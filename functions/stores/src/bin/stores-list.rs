//! The Lambda `stores-list`.

fn main() -> runtime::Exit {
    stores::mains::list()
}
