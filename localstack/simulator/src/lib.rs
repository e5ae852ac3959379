#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "for tests only: what goes wrong here is a broken simulator, and should stop it"
)]
//! The saga simulator: the real handlers of all functions in one process, over a DynamoDB in the process, a bus, queues,
//! a mailbox and a payment provider in memory, a clock that the simulation sets, and one seed that decides everything.
//!
//! A run takes random steps: people shop, pay and cancel, messages are delivered, time passes. Every call of a function
//! to the outside is a point where it can be suspended while others go on, killed, or lied to. The invariants are checked
//! after every step, and again when everything has come to rest. The same seed is the same run, to the byte, so a failure
//! is its seed, and is cut down to the fewest steps that still fail and told as a story.
//!
//! | module | |
//! |---|---|
//! | `plan` | which steps a seed takes |
//! | `run` | taking them, coming to rest, replaying every event, and the report |
//! | `world`, `furnish` | tenants, stores, buyers, and everything under way |
//! | `steps`, `people`, `provider`, `deliveries` | what each kind of step does |
//! | `invocations`, `outcomes` | functions under way, resumed one call at a time, and what their answers mean |
//! | `functions` | every function of the product, started from its row |
//! | `wire`, `cloud`, `dynamo`, `messages`, `services` | what the functions' AWS clients talk to |
//! | `queues`, `timers` | bus rules, queues and timers, from the rows that the templates are generated from |
//! | `faults` | what goes wrong, how often |
//! | `limits`, `grants`, `sizes`, `capacity`, `outages` | what AWS allows and refuses, and who is away for hours |
//! | `script` | a run in which people do what is written, while everything else goes by itself |
//! | `mirror`, `invariants` | what the database holds, and what must hold of it |
//! | `guards` | switching one of the product's guards off |
//! | `shrink` | fewer steps that still fail |

mod capacity;
mod cloud;
mod deliveries;
mod dynamo;
mod faults;
mod functions;
mod furnish;
mod grants;
mod guards;
mod invariants;
mod invocations;
mod limits;
mod messages;
mod mirror;
mod outages;
mod outcomes;
mod people;
mod plan;
mod provider;
mod queues;
mod rest;
mod run;
mod script;
mod services;
mod shrink;
mod sizes;
mod steps;
mod story;
mod timers;
mod wire;
mod world;

pub use faults::Fault;
pub use grants::granted_to;
pub use guards::Guard;
pub use invariants::Broken;
pub use limits::Limit;
pub use mirror::{Coverage, RARE, REACHABLE};
pub use outages::Service;
pub use plan::{Kind, Plan, Setting};
pub use run::{Report, run, run_all};
pub use script::{Act, Script, play};
pub use shrink::{Failure, shrink};
