//! Opening a checkout, as `functions/payments/src/opening.rs` does: the attempt is written, the provider is called,
//! and what it says is written. So there are two steps, and much can come between them. A call without an answer is
//! repeated under the same reference, as often as it takes.

use domain::payment::{FailureReason, Payment, PaymentStatus};

use crate::{
    over::can_be_opened,
    queues::Event,
    side::{Charge, NOW, payment},
    transaction::{Answer, Transaction},
};

/// What comes of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Opens,
    Refused,
    Unanswered,
    /// The reference is taken: an earlier call had taken effect, and its answer was lost.
    Taken,
}

impl Transaction {
    /// `opening::open`. Each time it comes one step further.
    pub(crate) fn open(&mut self, call: Call) -> Answer {
        let Some(held) = self.side.payment.clone() else {
            let new = payment(&self.side.order);
            return self.begin(new);
        };
        if !can_be_opened(&held) {
            return Answer::Nothing;
        }
        match (held.status, call) {
            (PaymentStatus::Initiated, Call::Opens) => self.opened(held),
            (PaymentStatus::Initiated, Call::Unanswered) => {
                self.replace(held.unanswered(NOW), "unanswered");
                Answer::Again
            }
            (PaymentStatus::Initiated, Call::Refused) => self.no_checkout(),
            (PaymentStatus::Initiated, Call::Taken) => self.begin(held),
            _ => self.repeat(held),
        }
    }

    fn repeat(&mut self, held: Payment) -> Answer {
        if let Some(next) = held.repeat_attempt(NOW) {
            self.replace(next, "repeat_attempt");
        }
        Answer::Again
    }

    fn begin(&mut self, held: Payment) -> Answer {
        let reference = format!("r{}", held.attempts.len() + 1);
        let Ok(next) = held.begin_attempt(reference, NOW) else { return Answer::Again };
        self.replace(next, "begin_attempt");
        self.side.provider.charges.push(Charge::Unpaid);
        Answer::Again
    }

    fn opened(&mut self, held: Payment) -> Answer {
        let reference = held.current_attempt().map(|attempt| attempt.reference.clone()).unwrap_or_default();
        let Some(next) = held.checkout_opened(&reference, "https://checkout".into(), 0, NOW) else {
            return Answer::Again;
        };
        self.replace(next, "checkout_opened");
        self.emit(Event::PaymentInitiated);
        Answer::Written
    }

    fn no_checkout(&mut self) -> Answer {
        if self.fail(FailureReason::ProviderRejected) { Answer::Written } else { Answer::Again }
    }
}
