//! Switches for rules that must never be broken. The simulator's build (feature `sabotage`) can switch off one rule at
//! a time, to prove that the invariant checks notice its absence. In every other build [`stands`] is a constant
//! `true`, and the compiler removes the check.

#[cfg(all(feature = "sabotage", not(debug_assertions)))]
compile_error!("the feature `sabotage` switches rules off: it is for the simulator, never for a release");

/// A rule that is enforced in code. Rules that DynamoDB enforces by a condition are not listed: the simulator removes
/// those conditions from the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An order is paid only by a capture of exactly its amount and currency.
    AmountCheck,
    /// An order expires when its window closes, and not before.
    Expiry,
    /// A reservation ignores events of older versions of its order.
    NewerOrder,
    /// Money captured after a person cancelled the order is refunded.
    DecisionStands,
    /// Refunds in progress count against the amount that can still be refunded.
    RefundCap,
    /// No more units of a line are returned than were bought.
    ReturnCap,
    /// The provider is not asked for a refund again while its answer may still arrive.
    RefundAskedOnce,
    /// A cursor was issued by this API, for this list.
    CursorSignature,
    /// A webhook carries the provider's signature.
    WebhookSignature,
    /// A tenant's keys start with its id.
    TenantInKey,
}

/// Whether a rule is in force.
#[cfg(not(feature = "sabotage"))]
#[inline]
pub const fn stands(_: Rule) -> bool {
    true
}

#[cfg(feature = "sabotage")]
thread_local! {
    static OFF: std::cell::Cell<Option<Rule>> = const { std::cell::Cell::new(None) };
}

/// Whether a rule is in force on this thread.
#[cfg(feature = "sabotage")]
pub fn stands(rule: Rule) -> bool {
    OFF.get() != Some(rule)
}

/// Switches off one rule on this thread until the next call; `None` switches all of them on.
#[cfg(feature = "sabotage")]
pub fn switch_off(rule: Option<Rule>) {
    OFF.set(rule);
}
