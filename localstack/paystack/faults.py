"""What can be made to go wrong, and for which calls.

A fault is armed over `POST /_sandbox/faults`, used up by the calls it matches, and gone after `times` of them (default
1, `null` for ever) or on reset. `KINDS` is the list: what each does and what it takes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

API_CALLS = ("initialize", "verify", "refund", "refund_fetch")
REFUND_EVENTS = ("refund.pending", "refund.processing", "refund.processed", "refund.failed", "refund.needs-attention")
EVENTS = ("charge.success", *REFUND_EVENTS)


@dataclass(frozen=True)
class Kind:
    """`at` is where it strikes; `params` are its own settings with their defaults (None: required)."""

    at: str  # api, charge, verify, refund or webhook
    says: str
    params: dict[str, Any] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    # The API itself. `on` says which call: one of API_CALLS, or "any".
    "answer_lost": Kind("api", "it takes effect, then the connection is closed without an answer"),
    "error_5xx": Kind("api", "an error page; it took effect only with took_effect",
                      {"status": 502, "took_effect": False}),
    "timeout": Kind("api", "no answer for `seconds`, then the connection is closed; it took effect only with "
                           "took_effect", {"seconds": 120, "took_effect": False}),
    "rate_limited": Kind("api", "429, nothing took effect"),
    # verify
    "not_found_as_400": Kind("verify", "an unknown reference answers 400 transaction_not_found, not 404"),
    "stale_status": Kind("verify", "verify says `status` although the charge has gone through", {"status": "ongoing"}),
    # The charge
    "wrong_amount": Kind("charge", "captures amount_minor, whatever was asked", {"amount_minor": None}),
    "wrong_currency": Kind("charge", "captures in another currency", {"currency": None}),
    # Refunds
    "refund_failed": Kind("refund", "ends as failed; no money moves"),
    "refund_needs_attention": Kind("refund", "stops at needs-attention until retried with the customer's account"),
    # Webhooks. `event` restricts it to one event; seconds are real ones, not scaled.
    "webhook_missing": Kind("webhook", "never sent"),
    "webhook_late": Kind("webhook", "sent after `seconds`", {"seconds": 5}),
    "webhook_duplicated": Kind("webhook", "sent `copies` times at once", {"copies": 2}),
    "webhook_reordered": Kind("webhook", "held back until the account's next webhook has been sent"),
    "webhook_forged": Kind("webhook", "signed with another key; the genuine one follows only with `genuine`",
                           {"genuine": False}),
    "webhook_altered": Kind("webhook", "its amount changed after signing; the genuine one follows only with `genuine`",
                            {"genuine": False}),
}  # fmt: skip

_ALWAYS = {"kind", "on", "event", "reference", "times"}


class BadFault(ValueError):
    pass


@dataclass
class Fault:
    id: int
    kind: str
    on: str
    event: str | None
    reference: str | None
    left: int | None  # None: for ever
    params: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "on": self.on, "event": self.event, "reference": self.reference,
                "left": self.left, **self.params}  # fmt: skip


class Faults:
    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self._ids = itertools.count(1)

    def arm(self, asked: Any) -> Fault:
        if not isinstance(asked, dict):
            raise BadFault("a fault is an object")
        kind = KINDS.get(asked.get("kind", ""))
        if kind is None:
            raise BadFault(f"kind must be one of {', '.join(KINDS)}")
        unknown = set(asked) - _ALWAYS - set(kind.params)
        if unknown:
            raise BadFault(f"{asked['kind']} does not take {', '.join(sorted(unknown))}")
        params = {name: asked.get(name, default) for name, default in kind.params.items()}
        missing = [name for name, value in params.items() if value is None]
        if missing:
            raise BadFault(f"{asked['kind']} needs {', '.join(missing)}")
        on = asked.get("on", "any" if kind.at == "api" else kind.at)
        if kind.at == "api" and on not in (*API_CALLS, "any"):
            raise BadFault(f"on must be any, or one of {', '.join(API_CALLS)}")
        if asked.get("event") not in (None, *EVENTS):
            raise BadFault(f"event must be one of {', '.join(EVENTS)}")
        times = asked.get("times", 1)
        if times is not None and (not isinstance(times, int) or times < 1):
            raise BadFault("times is a positive number, or null for ever")
        fault = Fault(next(self._ids), asked["kind"], on, asked.get("event"), asked.get("reference"), times, params)
        self._armed.append(fault)
        return fault

    def strike(self, at: str, reference: str | None, *, call: str | None = None, event: str | None = None,
               kinds: tuple[str, ...] | None = None) -> Fault | None:  # fmt: skip
        """The first armed fault that fits, used up by one."""
        for fault in self._armed:
            if KINDS[fault.kind].at != at or (kinds and fault.kind not in kinds):
                continue
            if at == "api" and fault.on not in ("any", call):
                continue
            if fault.event not in (None, event) or fault.reference not in (None, reference):
                continue
            if fault.left is not None:
                fault.left -= 1
                if fault.left == 0:
                    self._armed.remove(fault)
            return fault
        return None

    def list(self) -> list[dict[str, Any]]:
        return [fault.describe() for fault in self._armed]

    def reset(self) -> None:
        self._armed.clear()
