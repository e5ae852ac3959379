"""The sandbox's own books: accounts, transactions, refunds and the postings behind them.

Knows nothing of HTTP. Money moves only through `Books.post`, always between two named places, so that the totals of
`Transaction.captured_minor` and `Transaction.refunded_minor` can be trusted by tests.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

# Ids are beyond 32 bits, as Paystack's are.
FIRST_TRANSACTION_ID = 4_099_260_516
FIRST_REFUND_ID = 15_581_137

CURRENCIES = ("NGN", "GHS", "KES", "ZAR", "USD")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Account:
    """One merchant: known by its secret key, told of events at one address."""

    secret_key: str
    webhook_url: str | None
    integration: int


@dataclass(frozen=True)
class Card:
    name: str
    number: str
    label: str
    approved: bool
    gateway_response: str


# Paystack's published test card, and ones that are refused in the ways that matter.
CARDS = {
    card.name: card
    for card in (
        Card("success", "4084084084084081", "Success", True, "Successful"),
        Card("declined", "4084080000005408", "Declined", False, "Declined"),
        Card("insufficient_funds", "4084080000670037", "Insufficient funds", False, "Insufficient Funds"),
    )
}


def find_card(name_or_number: str) -> Card | None:
    wanted = name_or_number.replace(" ", "")
    return CARDS.get(wanted) or next((card for card in CARDS.values() if card.number == wanted), None)


@dataclass(frozen=True)
class Posting:
    kind: str  # charge or refund
    debit: str
    credit: str
    amount_minor: int
    currency: str
    reference: str
    at: datetime


@dataclass
class Transaction:
    id: int
    account: Account
    reference: str
    access_code: str
    email: str
    requested_minor: int
    currency: str  # what was captured in, once captured
    metadata: Any
    callback_url: str | None
    extra: dict[str, Any]  # split_code, subaccount and the like: kept, and shown in the books
    created_at: datetime
    status: str = "abandoned"  # Paystack's word for "not paid yet"
    gateway_response: str = "The transaction was not completed"
    amount_minor: int = 0  # what Paystack reports: asked until captured, then captured
    card: Card | None = None
    paid_at: datetime | None = None
    attempts: list[str] = field(default_factory=list)
    captures: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0  # processed refunds only

    @property
    def fees_minor(self) -> int | None:
        """Paystack's fee: in naira 1.5 % plus 100 from 2,500 up, at most 2,000; elsewhere 2.9 %."""
        if self.captures == 0:
            return None
        if self.currency != "NGN":
            return self.captured_minor * 29 // 1000
        flat = 100_00 if self.captured_minor >= 2_500_00 else 0
        return min(self.captured_minor * 15 // 1000 + flat, 2_000_00)


@dataclass
class Refund:
    id: int
    transaction: Transaction
    amount_minor: int
    currency: str
    customer_note: str
    merchant_note: str
    created_at: datetime
    outcome: str  # where it will end: processed, failed or needs-attention
    status: str = "pending"
    updated_at: datetime = field(default_factory=now)

    @property
    def reference(self) -> str:
        return f"RFD_{self.id:x}"

    @property
    def claims_money(self) -> bool:
        """Whether it counts against what is left to refund."""
        return self.status != "failed"


class Refused(Exception):
    """The request breaks one of Paystack's rules; `code` is Paystack's own where one is published."""

    def __init__(self, status: int, message: str, code: str, next_step: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.next_step = status, message, code, next_step


class Books:
    """Everything one sandbox knows. Used from one event loop only, and no method awaits, so each is atomic."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.transactions: list[Transaction] = []
        self.refunds: list[Refund] = []
        self.postings: list[Posting] = []
        self._transaction_ids = itertools.count(FIRST_TRANSACTION_ID)
        self._refund_ids = itertools.count(FIRST_REFUND_ID)

    def forget_money(self) -> None:
        """Back to empty books; the merchants stay. Ids go on counting, as nothing may ever meet an old one again."""
        self.transactions.clear()
        self.refunds.clear()
        self.postings.clear()

    def add_account(self, secret_key: str, webhook_url: str | None) -> Account:
        known = self.accounts.get(secret_key)
        if known is None:
            known = self.accounts[secret_key] = Account(secret_key, webhook_url, 412_829 + len(self.accounts))
        known.webhook_url = webhook_url
        return known

    def open_transaction(
        self, account: Account, *, email: str, amount_minor: int, currency: str, reference: str | None, metadata: Any,
        callback_url: str | None, extra: dict[str, Any],
    ) -> Transaction:  # fmt: skip
        reference = reference or "T" + str(secrets.randbelow(10**15)).zfill(15)
        if any(t.reference == reference and t.account is account for t in self.transactions):
            raise Refused(400, "Duplicate Transaction Reference", "duplicate_reference",
                          "Try and create the Transaction or Charge with a new reference")  # fmt: skip
        transaction = Transaction(
            id=next(self._transaction_ids), account=account, reference=reference, access_code=secrets.token_hex(8),
            email=email, requested_minor=amount_minor, currency=currency, metadata=metadata, callback_url=callback_url,
            extra=extra, created_at=now(), amount_minor=amount_minor,
        )  # fmt: skip
        self.transactions.append(transaction)
        return transaction

    def find_transaction(self, key: str, account: Account | None = None) -> Transaction | None:
        """By reference, access code or id."""
        for transaction in reversed(self.transactions):
            if account is not None and transaction.account is not account:
                continue
            if key in (transaction.reference, transaction.access_code, str(transaction.id)):
                return transaction
        return None

    def charge(self, transaction: Transaction, card: Card, *, amount_minor: int, currency: str) -> bool:
        """One attempt with a card; whether money moved. A paid transaction is never charged again, a refused one may
        be tried again with another card: Paystack's page lets the buyer do that."""
        if transaction.captures:
            return False
        transaction.attempts.append(card.name)
        transaction.card = card
        transaction.gateway_response = card.gateway_response
        if not card.approved:
            transaction.status = "failed"
            return False
        transaction.status = "success"
        transaction.paid_at = now()
        transaction.amount_minor, transaction.currency = amount_minor, currency
        transaction.captures += 1
        transaction.captured_minor += amount_minor
        self.post("charge", "buyer", "merchant", transaction, amount_minor)
        return True

    def open_refund(
        self, transaction: Transaction, *, amount_minor: int | None, currency: str | None, customer_note: str,
        merchant_note: str, outcome: str,
    ) -> Refund:  # fmt: skip
        if not transaction.captures:
            raise Refused(400, "Transaction has not been paid", "transaction_not_successful",
                          "Only a successful transaction can be refunded")  # fmt: skip
        if currency is not None and currency != transaction.currency:
            raise Refused(400, "Currency of the refund differs from the transaction's", "invalid_currency",
                          "Refund in the currency of the transaction")  # fmt: skip
        claimed = sum(r.amount_minor for r in self.refunds if r.transaction is transaction and r.claims_money)
        left = transaction.captured_minor - claimed
        if left <= 0:
            raise Refused(400, "Transaction has been fully reversed", "transaction_fully_reversed",
                          "Nothing is left to refund")  # fmt: skip
        amount_minor = left if amount_minor is None else amount_minor
        if amount_minor <= 0 or amount_minor > left:
            raise Refused(400, "Refund amount cannot be more than the amount left on the transaction", "invalid_amount",
                          "Refund at most what is left")  # fmt: skip
        refund = Refund(id=next(self._refund_ids), transaction=transaction, amount_minor=amount_minor,
                        currency=transaction.currency, customer_note=customer_note, merchant_note=merchant_note,
                        created_at=now(), outcome=outcome)  # fmt: skip
        self.refunds.append(refund)
        return refund

    def find_refund(self, key: str, account: Account) -> Refund | None:
        return next((r for r in self.refunds if str(r.id) == key and r.transaction.account is account), None)

    def advance_refund(self, refund: Refund, status: str) -> None:
        """The next state of a refund; money goes back when it is processed."""
        refund.status, refund.updated_at = status, now()
        if status != "processed":
            return
        transaction = refund.transaction
        transaction.refunded_minor += refund.amount_minor
        if transaction.refunded_minor == transaction.captured_minor:
            transaction.status = "reversed"
        self.post("refund", "merchant", "buyer", transaction, refund.amount_minor)

    def post(self, kind: str, debit: str, credit: str, transaction: Transaction, amount_minor: int) -> None:
        self.postings.append(
            Posting(kind, debit, credit, amount_minor, transaction.currency, transaction.reference, now())
        )

    def totals(self) -> dict[str, dict[str, int]]:
        """Per currency, added up from the postings and not from the transactions."""
        sums: dict[str, dict[str, int]] = {}
        for posting in self.postings:
            row = sums.setdefault(posting.currency, {"captured_minor": 0, "refunded_minor": 0})
            row["captured_minor" if posting.kind == "charge" else "refunded_minor"] += posting.amount_minor
        return sums
