//! Double-entry bookkeeping: every movement of money is postings whose debits equal their credits.

use serde::{Deserialize, Serialize};

use crate::{Currency, LedgerEntryId, Money, OrderId, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What the provider holds for the platform (an asset).
    ProviderClearing,
    /// What the provider charges (an expense).
    ProviderFees,
    /// What the tenant is owed (a liability).
    TenantPayable,
    /// Money that pays for nothing and is on its way back (a liability).
    Suspense,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Capture,
    /// Captured, but of another amount or a second time.
    StrayCapture,
    Refund,
    StrayRefund,
}

impl EntryKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::StrayCapture => "stray_capture",
            Self::Refund => "refund",
            Self::StrayRefund => "stray_refund",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    pub account: LedgerAccount,
    pub debit_minor: i64,
    pub credit_minor: i64,
}

/// One movement of money, balanced. Its `reference` and `kind` are unique together: no movement is booked twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    pub id: LedgerEntryId,
    pub kind: EntryKind,
    pub reference: String,
    pub order_id: OrderId,
    pub currency: Currency,
    pub postings: Vec<Posting>,
    pub at: Timestamp,
}

impl LedgerEntry {
    /// Money came in: the provider keeps its fee and holds the rest; the tenant bears the fee.
    pub fn capture(
        id: LedgerEntryId,
        reference: String,
        order_id: OrderId,
        amount: Money,
        fees: Money,
        settles: bool,
        at: Timestamp,
    ) -> Self {
        let (kind, owed_to) = if settles {
            (EntryKind::Capture, LedgerAccount::TenantPayable)
        } else {
            (EntryKind::StrayCapture, LedgerAccount::Suspense)
        };
        // A fee in another currency, or above the amount, is not a fee of this charge.
        let fee = if fees.currency == amount.currency { fees.amount_minor.clamp(0, amount.amount_minor) } else { 0 };
        let mut postings = vec![
            debit(LedgerAccount::ProviderClearing, amount.amount_minor - fee),
            credit(owed_to, amount.amount_minor),
        ];
        if fee > 0 {
            postings.push(debit(LedgerAccount::ProviderFees, fee));
        }
        Self { id, kind, reference, order_id, currency: amount.currency, postings, at }
    }

    /// Money went back. `reference` names the refund.
    pub fn refund(
        id: LedgerEntryId,
        reference: String,
        order_id: OrderId,
        amount: Money,
        settled: bool,
        at: Timestamp,
    ) -> Self {
        let (kind, owed_to) = if settled {
            (EntryKind::Refund, LedgerAccount::TenantPayable)
        } else {
            (EntryKind::StrayRefund, LedgerAccount::Suspense)
        };
        let postings =
            vec![debit(owed_to, amount.amount_minor), credit(LedgerAccount::ProviderClearing, amount.amount_minor)];
        Self { id, kind, reference, order_id, currency: amount.currency, postings, at }
    }

    pub fn is_balanced(&self) -> bool {
        let debits: i64 = self.postings.iter().map(|posting| posting.debit_minor).sum();
        let credits: i64 = self.postings.iter().map(|posting| posting.credit_minor).sum();
        debits == credits
    }
}

const fn debit(account: LedgerAccount, debit_minor: i64) -> Posting {
    Posting { account, debit_minor, credit_minor: 0 }
}

const fn credit(account: LedgerAccount, credit_minor: i64) -> Posting {
    Posting { account, debit_minor: 0, credit_minor }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;

    proptest! {
        #[test]
        fn every_entry_balances(amount in 1..1_000_000_i64, fee in -10..1_000_010_i64, settles: bool) {
            let ngn = |minor| Money::new(minor, Currency::Ngn);
            let order = OrderId::from_ulid(Ulid(1));
            let id = LedgerEntryId::from_ulid(Ulid(2));
            let at = Timestamp::UNIX_EPOCH;
            let capture = LedgerEntry::capture(id, "r".into(), order, ngn(amount), ngn(fee), settles, at);
            prop_assert!(capture.is_balanced() && capture.postings.iter().all(|p| p.debit_minor >= 0 && p.credit_minor >= 0));
            prop_assert!(LedgerEntry::refund(id, "r".into(), order, ngn(amount), settles, at).is_balanced());
        }
    }
}
