//! Rules that must not get lost. Each is asked for by name where it stands, so that a build for the simulator
//! (feature `sabotage`) can do without one and show that the invariants notice. In any other build a rule always stands,
//! and the compiler leaves nothing of the question.

/// A rule in code. Conditions in the database are switched off on their way there, and are not named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Money of another amount or currency pays no order.
    AmountCheck,
    /// An order expires when its window closes, and not before.
    Expiry,
    /// A reservation listens only to newer versions of its order.
    NewerOrder,
    /// Money that comes after a person cancelled goes back.
    DecisionStands,
    /// What is being sent back already counts towards what can be sent back.
    RefundCap,
    /// No more of a line comes back than was bought.
    ReturnCap,
    /// A refund that was asked for lately is not asked for again.
    RefundAskedOnce,
    /// A cursor is of our making, for this list.
    CursorSignature,
    /// A webhook is the provider's.
    WebhookSignature,
    /// A tenant's keys start with its id.
    TenantInKey,
}

/// Whether a rule is to be kept.
#[cfg(not(feature = "sabotage"))]
#[inline]
pub const fn stands(_: Rule) -> bool {
    true
}

#[cfg(feature = "sabotage")]
thread_local! {
    static OFF: std::cell::Cell<Option<Rule>> = const { std::cell::Cell::new(None) };
}

/// Whether a rule is to be kept.
#[cfg(feature = "sabotage")]
pub fn stands(rule: Rule) -> bool {
    OFF.get() != Some(rule)
}

/// Does without a rule, on this thread, until told otherwise.
#[cfg(feature = "sabotage")]
pub fn switch_off(rule: Option<Rule>) {
    OFF.set(rule);
}
