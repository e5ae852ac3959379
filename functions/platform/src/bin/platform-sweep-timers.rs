//! The Lambda `platform-sweep-timers`.

fn main() -> runtime::Exit {
    platform::mains::sweep_timers()
}
