//! A handler's dependencies: those that its function's row grants, and no others.

use std::{marker::PhantomData, ops::Deref};

use contracts::{Consumer, Function, Timer, events::Envelope, gate::Use, row::Grant, timers::Due};

use crate::{boot::Boot, deps::Deps, events::Cause, steps::Received};

/// A dependency that only some handlers need besides [`Deps`]: a mailer, a payment provider, the event bus.
pub trait Extra: Clone + Send + Sync + 'static {
    /// The grants that a function's row must list for its handler to get this.
    const GRANTS: &'static [Grant];

    fn from_boot(boot: &Boot) -> Self;
}

impl Extra for () {
    const GRANTS: &'static [Grant] = &[];

    fn from_boot(_: &Boot) -> Self {}
}

/// [`Deps`] with an [`Extra`]. Code shared by several handlers takes this type, which does not name a function.
#[derive(Debug, Clone)]
pub struct With<X> {
    core: Deps,
    /// The additional dependency.
    pub extra: X,
}

impl<X> Deref for With<X> {
    type Target = Deps;

    fn deref(&self) -> &Deps {
        &self.core
    }
}

/// The dependencies of the handler of function `F`. Uses of tables, secrets and events are checked against the row at
/// run time; that the row grants `X` is checked at compile time.
#[derive(Debug)]
pub struct Granted<F, X = ()> {
    with: With<X>,
    function: PhantomData<fn() -> F>,
}

impl<F, X> Deref for Granted<F, X> {
    type Target = With<X>;

    fn deref(&self) -> &With<X> {
        &self.with
    }
}

impl<F: Function, X: Extra> Granted<F, X> {
    const COVERED: () = assert!(covers(F::ROW.grants, X::GRANTS), "the row does not grant what the handler asks for");

    /// Makes the dependencies. The row of `F` applies, whatever function `boot` was made for.
    pub fn from_boot(boot: &Boot) -> Self {
        let () = Self::COVERED;
        let boot = boot.of(F::ROW);
        for grant in X::GRANTS {
            // Checked at compile time above. The call only records the use for the gate's witness.
            let _ = boot.gate.pass(Use::Grant(*grant));
        }
        Self { with: With { core: Deps::new(&boot), extra: X::from_boot(&boot) }, function: PhantomData }
    }
}

impl<F: Consumer, X> Granted<F, X> {
    /// The received event; its transactions also write the inbox record that marks the event as processed.
    pub fn received(&self, event: &Envelope<F::Event>) -> Received {
        Received::new(F::ROW, event.tenant_id, Some(event.id), Cause::from(event))
    }
}

impl<F: Timer, X> Granted<F, X> {
    /// As [`Granted::received`], for a timer that is due. The aggregate's state alone decides what a timer does, so
    /// there is no inbox record.
    pub fn due(&self, due: &Due<F::Subject>) -> Received {
        Received::new(F::ROW, due.tenant_id, None, Cause::from(due))
    }
}

/// Whether `granted` contains every grant in `wanted`.
const fn covers(granted: &[Grant], wanted: &[Grant]) -> bool {
    let mut at = 0;
    while at < wanted.len() {
        let (mut found, mut candidate) = (false, 0);
        while candidate < granted.len() {
            found = found || granted[candidate] as u8 == wanted[at] as u8;
            candidate += 1;
        }
        if !found {
            return false;
        }
        at += 1;
    }
    true
}
