//! The Lambda `stores-update`.

fn main() -> runtime::Exit {
    stores::mains::update()
}
