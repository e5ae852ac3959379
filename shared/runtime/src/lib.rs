//! What every Lambda stands on: boot, HTTP, batches of messages, who is calling, time and ids. Knows the wire and the
//! store; decides nothing about the shop. A function's bin names its handler and nothing else:
//!
//! ```ignore
//! fn main() -> runtime::Exit {
//!     products::mains::list()
//! }
//! ```

pub mod auth;
pub mod authorizer;
pub mod boot;
pub mod codes;
pub mod config;
pub mod consumer;
pub mod deps;
pub mod email;
pub mod events;
pub mod http;
pub mod outbound;
pub mod password;
pub mod queue;
pub mod secrets;
pub mod sessions;
pub mod stream;
pub mod telemetry;
pub mod tokens;

mod handler;

pub use auth::Principal;
pub use authorizer::serve_authorizer;
pub use boot::{Boot, Exit, FromBoot};
pub use config::Config;
pub use consumer::{Message, StepError, serve_consumer};
pub use deps::{Clock, Deps, Entropy};
pub use handler::Handler;
pub use http::{Call, Outcome, Problem, Reply, serve_http};
pub use stream::serve_stream;

/// Names a service's functions by how they are served: `functions! { serve_http: get, list; serve_consumer: on_event; }`
/// makes `mains::get`, …, each running the module's `handle`. In the library, where what they share is compiled once: a
/// bin that calls one of them costs a link and no compile (0.6 s for 4.9).
#[macro_export]
macro_rules! functions {
    ($($serve:ident: $($name:ident),+;)+) => {
        /// What the service's bins run.
        pub mod mains {
            $($(
                pub fn $name() -> $crate::Exit {
                    $crate::$serve(super::$name::handle)
                }
            )+)+
        }
    };
}
