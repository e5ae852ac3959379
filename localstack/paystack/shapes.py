"""The JSON of Paystack's answers and webhooks.

The awkward parts are Paystack's own and kept on purpose, because a client has to live with them: metadata is "" in one
place and 0 in another when none was given, `paid_at` and `paidAt` both occur, a refund's amount is now a number, now a
string, and a refund's webhook has no id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .books import Posting, Refund, Refused, Transaction

Json = dict[str, Any]


def timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def success(message: str, data: Any, **more: Any) -> Json:
    return {"status": True, "message": message, "data": data, **more}


def failure(message: str) -> Json:
    return {"status": False, "message": message}


def refusal(refused: Refused) -> Json:
    return {
        "status": False,
        "message": refused.message,
        "meta": {"nextStep": refused.next_step},
        "type": "validation_error",
        "code": refused.code,
        "errorCodeMappingNotFound": False,
    }


def customer(transaction: Transaction) -> Json:
    return {
        "id": 180_000_000 + transaction.id % 1_000_000,
        "first_name": None,
        "last_name": None,
        "email": transaction.email,
        "customer_code": f"CUS_{transaction.id:x}",
        "phone": None,
        "metadata": None,
        "risk_action": "default",
        "international_format_phone": None,
    }


def authorization(transaction: Transaction) -> Json:
    card = transaction.card
    if card is None:
        return {}
    return {
        "authorization_code": f"AUTH_{transaction.id:x}",
        "bin": card.number[:6],
        "last4": card.number[-4:],
        "exp_month": "12",
        "exp_year": "2030",
        "channel": "card",
        "card_type": "visa ",  # Paystack's trailing blank
        "bank": "TEST BANK",
        "country_code": "NG",
        "brand": "visa",
        "reusable": True,
        "signature": f"SIG_{transaction.id:x}",
        "account_name": None,
        "receiver_bank_account_number": None,
        "receiver_bank": None,
    }


def log(transaction: Transaction) -> Json | None:
    if not transaction.attempts:
        return None
    start = int(transaction.created_at.timestamp())
    return {
        "start_time": start,
        "time_spent": 1,
        "attempts": len(transaction.attempts),
        "errors": sum(1 for name in transaction.attempts if name != "success"),
        "success": transaction.captures > 0,
        "mobile": False,
        "input": [],
        "history": [{"type": "action", "message": f"Attempted to pay with card: {name}", "time": n + 1}
                    for n, name in enumerate(transaction.attempts)],
    }  # fmt: skip


def transaction(transaction: Transaction, *, status: str | None = None) -> Json:
    """As `verify` and `fetch` answer."""
    return {
        "id": transaction.id,
        "domain": "test",
        "status": status or transaction.status,
        "reference": transaction.reference,
        "receipt_number": None,
        "amount": transaction.amount_minor,
        "message": None,
        "gateway_response": transaction.gateway_response,
        "paid_at": timestamp(transaction.paid_at),
        "created_at": timestamp(transaction.created_at),
        "channel": "card",
        "currency": transaction.currency,
        "ip_address": "127.0.0.1",
        "metadata": "" if transaction.metadata is None else transaction.metadata,
        "log": log(transaction),
        "fees": transaction.fees_minor,
        "fees_split": None,
        "authorization": authorization(transaction),
        "customer": customer(transaction),
        "plan": None,
        "split": {},
        "order_id": None,
        "paidAt": timestamp(transaction.paid_at),
        "createdAt": timestamp(transaction.created_at),
        "requested_amount": transaction.requested_minor,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
        "connect": None,
        "transaction_date": timestamp(transaction.created_at),
        "plan_object": {},
        "subaccount": {},
    }


def charge_success(transaction: Transaction) -> Json:
    """The webhook. The time of payment is under either name, never both, so that no client can rely on one."""
    data: Json = {
        "id": transaction.id,
        "domain": "test",
        "status": "success",
        "reference": transaction.reference,
        "amount": transaction.amount_minor,
        "message": None,
        "gateway_response": transaction.gateway_response,
        ("paid_at" if transaction.id % 2 == 0 else "paidAt"): timestamp(transaction.paid_at),
        "created_at": timestamp(transaction.created_at),
        "channel": "card",
        "currency": transaction.currency,
        "ip_address": "127.0.0.1",
        "metadata": 0 if transaction.metadata is None else transaction.metadata,
        "log": log(transaction),
        "fees": transaction.fees_minor,
        "customer": customer(transaction),
        "authorization": authorization(transaction),
        "plan": {},
        "requested_amount": transaction.requested_minor,
        "source": {"type": "api", "source": "merchant_api", "entry_point": "transaction_initialize", "identifier": None},
    }
    return {"event": "charge.success", "data": data}


def refund_created(refund: Refund) -> Json:
    paid = refund.transaction
    return {
        "transaction": {
            "id": paid.id,
            "domain": "test",
            "reference": paid.reference,
            "amount": paid.amount_minor,
            "paid_at": timestamp(paid.paid_at),
            "channel": "card",
            "currency": paid.currency,
            "authorization": {"exp_month": None, "exp_year": None, "account_name": None},
            "customer": {"international_format_phone": None},
            "plan": {},
            "subaccount": {"currency": None},
            "split": {},
            "order_id": None,
            "paidAt": timestamp(paid.paid_at),
            "pos_transaction_data": None,
            "source": None,
            "fees_breakdown": None,
        },
        "integration": paid.account.integration,
        "deducted_amount": 0,
        "channel": None,
        "merchant_note": refund.merchant_note,
        "customer_note": refund.customer_note,
        "status": refund.status,
        "refunded_by": "merchant@example.com",
        "expected_at": timestamp(refund.created_at),
        "currency": refund.currency,
        "domain": "test",
        "amount": refund.amount_minor,
        "fully_deducted": False,
        "id": refund.id,
        "createdAt": timestamp(refund.created_at),
        "updatedAt": timestamp(refund.updated_at),
    }


def refund(refund: Refund) -> Json:
    """As `fetch` and `list` answer; unlike `create`, the transaction is its id here."""
    paid = refund.transaction
    done = refund.status == "processed"
    return {
        "integration": paid.account.integration,
        "transaction": paid.id,
        "dispute": None,
        "settlement": None,
        "id": refund.id,
        "domain": "test",
        "currency": refund.currency,
        "amount": refund.amount_minor,
        "status": refund.status,
        "refunded_at": timestamp(refund.updated_at) if done else None,
        "refunded_by": "merchant@example.com",
        "customer_note": refund.customer_note,
        "merchant_note": refund.merchant_note,
        "deducted_amount": refund.amount_minor if done else 0,
        "fully_deducted": 1 if done else 0,
        "createdAt": timestamp(refund.created_at),
        "bank_reference": None,
        "transaction_reference": paid.reference,
        "reason": "CHARGEBACK" if refund.status == "failed" else "PARTIAL_REFUND",
        "customer": customer(paid),
        "refund_type": "full" if refund.amount_minor == paid.captured_minor else "partial",
        "transaction_amount": paid.amount_minor,
        "initiated_by": "merchant@example.com",
        "refund_channel": "card",
        "session_id": None,
        "collect_account_number": refund.status == "needs-attention",
    }


def refund_event(refund: Refund) -> Json:
    """The webhook of a refund's present state."""
    paid = refund.transaction
    return {
        "event": f"refund.{refund.status}",
        "data": {
            "status": refund.status,
            "transaction_reference": paid.reference,
            "refund_reference": refund.reference if refund.status == "processed" else None,
            "amount": refund.amount_minor if refund.status == "processed" else str(refund.amount_minor),
            "currency": refund.currency,
            "processor": "mpgs_zen",
            "customer": {"first_name": None, "last_name": None, "email": paid.email},
            "integration": paid.account.integration,
            "domain": "test",
        },
    }


def posting(posting: Posting) -> Json:
    return {
        "kind": posting.kind,
        "debit": posting.debit,
        "credit": posting.credit,
        "amount_minor": posting.amount_minor,
        "currency": posting.currency,
        "reference": posting.reference,
        "at": timestamp(posting.at),
    }
