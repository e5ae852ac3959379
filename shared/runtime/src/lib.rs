//! The base of every Lambda function: start-up, HTTP, message batches, callers, time and ids. It knows the wire
//! formats and the store, and holds no business rules. A function's bin only names its handler:
//!
//! ```ignore
//! fn main() -> runtime::Exit {
//!     products::mains::list()
//! }
//! ```

pub mod auth;
pub mod authorizer;
pub mod boot;
pub mod claims;
pub mod config;
pub mod dead_letters;
pub mod deps;
pub mod events;
pub mod granted;
pub mod host;
pub mod http;
pub mod outbound;
pub mod queue;
pub mod retry;
pub mod secrets;
pub mod serve;
pub mod steps;
pub mod telemetry;

mod handler;
mod schedule;
mod stream;

pub use auth::Principal;
pub use boot::{Boot, Exit};
pub use config::Config;
pub use deps::{Clock, Deps, Entropy};
pub use granted::{Extra, Granted, With};
pub use handler::Handler;
pub use host::{Hosted, Running};
pub use http::{Call, Outcome, Problem, Reply};
pub use retry::{Tries, Try};
pub use steps::{Received, StepCommit, StepError, StepTx};

/// Lists a service's functions by what calls them: `functions! { http: get, list; consumer: on_event; }` makes
/// `mains::get`, …, each of which runs the module's `handle`, and `functions()`, which lists all of them for a host.
/// The code is generated in the library, so it is compiled once, and each bin only has to be linked (0.6 s instead of
/// 4.9 s).
#[macro_export]
macro_rules! functions {
    ($($kind:ident: $($name:ident),+;)+) => {
        /// What the service's bins run.
        pub mod mains {
            $($(
                pub fn $name() -> $crate::Exit {
                    $crate::serve::$kind(super::$name::handle)
                }
            )+)+
        }

        /// The service's functions, for whoever hosts them.
        pub fn functions() -> Vec<$crate::Hosted> {
            vec![$($($crate::host::$kind($name::handle)),+),+]
        }
    };
}
