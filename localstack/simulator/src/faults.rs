//! What goes wrong, and how often. A run has a weather, from calm to storm; each kind can be left out, so that a failing
//! run can be cut down to the faults that it needs.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

/// A kind of misfortune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// DynamoDB refuses a call for its rate.
    Throttled,
    /// A transaction meets another one on the same item.
    Conflict,
    /// A call takes effect and its answer is lost; the SDK tries again.
    AnswerLost,
    /// A call does not arrive; the SDK tries again.
    NoAnswer,
    /// A service has an error of its own, without effect.
    ServerError,
    /// A call takes seconds, maybe more than the function has.
    Slow,
    /// A call takes effect long before its answer is seen.
    AnswerHeldBack,
    /// The bus takes some events of a call and not others.
    PartialPublish,
    /// The provider does as asked and does not answer.
    ProviderAnswerLost,
    /// The provider neither does as asked nor answers.
    ProviderNoAnswer,
    ProviderError,
    /// The provider refuses to open a checkout.
    ProviderRefuses,
    /// Asked, the provider does not know yet of a charge that went through.
    ProviderStale,
    /// The provider takes another amount or currency than was asked for.
    WrongMoney,
    RefundFails,
    WebhookMissing,
    WebhookTwice,
    WebhookForged,
    /// A queue gives a message to two at once.
    MessageTwice,
    /// A message comes again long after it was dealt with.
    MessageAgain,
    /// A message nobody can read.
    Poison,
    /// A message of an older writer, without the fields that came later.
    OlderWriter,
    /// A function dies where it stands.
    Killed,
    /// A function's time is over.
    TimedOut,
    /// A function's answer is lost: the client, or the queue, does not know that it is done.
    ReplyLost,
    /// A function's clock is up to two and a half minutes off.
    ClockOff,
}

impl Fault {
    pub const ALL: [Self; 26] = [
        Self::Throttled,
        Self::Conflict,
        Self::AnswerLost,
        Self::NoAnswer,
        Self::ServerError,
        Self::Slow,
        Self::AnswerHeldBack,
        Self::PartialPublish,
        Self::ProviderAnswerLost,
        Self::ProviderNoAnswer,
        Self::ProviderError,
        Self::ProviderRefuses,
        Self::ProviderStale,
        Self::WrongMoney,
        Self::RefundFails,
        Self::WebhookMissing,
        Self::WebhookTwice,
        Self::WebhookForged,
        Self::MessageTwice,
        Self::MessageAgain,
        Self::Poison,
        Self::OlderWriter,
        Self::Killed,
        Self::TimedOut,
        Self::ReplyLost,
        Self::ClockOff,
    ];

    /// Out of a thousand chances, in middling weather.
    const fn per_mille(self) -> u32 {
        match self {
            Self::Poison | Self::ProviderRefuses => 4,
            Self::Throttled | Self::NoAnswer | Self::ServerError | Self::Slow => 10,
            Self::Conflict | Self::AnswerLost => 20,
            Self::OlderWriter | Self::Killed => 30,
            Self::ProviderNoAnswer | Self::ProviderError | Self::ReplyLost => 40,
            Self::ProviderStale | Self::MessageTwice => 50,
            Self::ProviderAnswerLost => 100,
            Self::WrongMoney | Self::PartialPublish => 60,
            Self::AnswerHeldBack | Self::WebhookTwice | Self::WebhookForged | Self::ClockOff => 150,
            Self::WebhookMissing | Self::RefundFails => 250,
            Self::MessageAgain => 500,
            // Not drawn: it follows from slowness.
            Self::TimedOut => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Faults {
    /// Percent of the rates above. 0 once faults have stopped.
    weather: u32,
    allowed: BTreeSet<Fault>,
    counts: BTreeMap<Fault, u64>,
}

impl Faults {
    pub(crate) fn new(weather: u32, allowed: BTreeSet<Fault>) -> Self {
        Self { weather, allowed, counts: BTreeMap::new() }
    }

    /// Whether this goes wrong now; counted if so. The draw is made in any case, so that leaving one kind out changes
    /// nothing else.
    pub(crate) fn strikes(&mut self, fault: Fault, rng: &mut Rng) -> bool {
        let drawn = rng.u32(0..100_000);
        let struck = self.allowed.contains(&fault) && drawn < fault.per_mille() * self.weather;
        if struck {
            self.count(fault);
        }
        struck
    }

    pub(crate) fn count(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    pub(crate) fn stop(&mut self) {
        self.weather = 0;
    }

    pub(crate) fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.counts
    }
}
