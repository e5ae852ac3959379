//! What a handler is handed: the dependencies that its function's row grants, and nothing else.

use std::{marker::PhantomData, ops::Deref};

use contracts::{Consumer, Function, Timer, events::Envelope, gate::Use, row::Grant, timers::Due};

use crate::{boot::Boot, deps::Deps, events::Cause, steps::Received};

/// Something that some handlers need besides [`Deps`]: a mailer, a provider, the bus.
pub trait Extra: Clone + Send + Sync + 'static {
    /// What a row must grant for its handler to have it.
    const GRANTS: &'static [Grant];

    fn from_boot(boot: &Boot) -> Self;
}

impl Extra for () {
    const GRANTS: &'static [Grant] = &[];

    fn from_boot(_: &Boot) -> Self {}
}

/// [`Deps`] with something more. What several handlers of a service share takes this.
#[derive(Debug, Clone)]
pub struct With<X> {
    core: Deps,
    pub extra: X,
}

impl<X> Deref for With<X> {
    type Target = Deps;

    fn deref(&self) -> &Deps {
        &self.core
    }
}

/// What the handler of function `F` is handed. Its tables, secrets and events are held against the row when they are
/// used; that the row grants `X` is checked when the function is compiled.
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

    /// Made from a boot, whatever function that was for.
    pub fn from_boot(boot: &Boot) -> Self {
        let () = Self::COVERED;
        let boot = boot.of(F::ROW);
        for grant in X::GRANTS {
            // It is granted, as was just checked; a witness wants to know that it is used.
            let _ = boot.gate.pass(Use::Grant(*grant));
        }
        Self { with: With { core: Deps::new(&boot), extra: X::from_boot(&boot) }, function: PhantomData }
    }
}

impl<F: Consumer, X> Granted<F, X> {
    /// What a step writes with its effect: that this function has dealt with this event.
    pub fn received(&self, event: &Envelope<F::Event>) -> Received {
        Received::new(F::ROW, event.tenant_id, Some(event.id), Cause::from(event))
    }
}

impl<F: Timer, X> Granted<F, X> {
    /// As [`Granted::received`], of a timer that is due. What it does is decided by the aggregate's state alone, so
    /// nothing is noted.
    pub fn due(&self, due: &Due<F::Subject>) -> Received {
        Received::new(F::ROW, due.tenant_id, None, Cause::from(due))
    }
}

/// Whether every one of these is among what is granted.
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
