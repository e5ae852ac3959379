//! Double-entry bookkeeping: every movement of money is an entry of postings whose debits equal their credits.

use serde::{Deserialize, Serialize};

use crate::{Currency, LedgerEntryId, Money, OrderId, Timestamp};

/// An account of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// Money that the provider holds for the platform (an asset).
    ProviderClearing,
    /// Fees that the provider charged (an expense).
    ProviderFees,
    /// Money owed to the tenant (a liability).
    TenantPayable,
    /// Money that pays no order and must be refunded (a liability).
    Suspense,
}

/// Kind of a ledger entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A capture that pays the order.
    Capture,
    /// A capture of a wrong amount, or a second capture for the same order.
    StrayCapture,
    /// A refund of the capture that paid the order.
    Refund,
    /// A refund of a stray capture.
    StrayRefund,
}

impl EntryKind {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::StrayCapture => "stray_capture",
            Self::Refund => "refund",
            Self::StrayRefund => "stray_refund",
        }
    }
}

/// One line of a ledger entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account.
    pub account: LedgerAccount,
    /// Debit in minor units; 0 for a credit.
    pub debit_minor: i64,
    /// Credit in minor units; 0 for a debit.
    pub credit_minor: i64,
}

/// One movement of money. An order has at most one entry for each `kind` and `reference`, so nothing is booked twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Id of the ledger entry.
    pub id: LedgerEntryId,
    /// What kind of movement it is.
    pub kind: EntryKind,
    /// Identifies the capture or refund within the order.
    pub reference: String,
    /// The order.
    pub order_id: OrderId,
    /// Currency of all postings.
    pub currency: Currency,
    /// The postings.
    pub postings: Vec<Posting>,
    /// When the movement was booked.
    pub at: Timestamp,
}

impl LedgerEntry {
    /// Books a capture. The provider keeps its fee and holds the rest; `settles` says that the money pays the order.
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
        // A fee in another currency, or above the amount, cannot be the fee of this capture.
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

    /// Books a refund. `reference` identifies the refund; `settled` says that the money had paid the order.
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

    /// Whether the debits equal the credits.
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
