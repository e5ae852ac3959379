"""The sandbox Paystack, as a buyer uses its page and as a test steers it."""

from __future__ import annotations

from typing import Any

import httpx
from settings import Stack


class Paystack:
    def __init__(self, stack: Stack, http: httpx.Client) -> None:
        self.url, self._http = stack.paystack_url.replace("localhost", "127.0.0.1"), http

    def pay_on_page(self, checkout_url: str, card: str) -> bool:
        """What the buyer does there; whether the card was taken."""
        path = "/pay/" + checkout_url.rsplit("/pay/", 1)[1]
        answer = self._http.post(self.url + path, data={"card": card})
        assert answer.status_code in (200, 302, 402), f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.status_code != 402

    def charge(self, reference: str, card: str = "success") -> dict[str, Any]:
        return self._post("/_sandbox/charge", {"reference": reference, "card": card})

    def fault(self, kind: str, **fields: Any) -> None:
        self._post("/_sandbox/faults", {"kind": kind, **fields})

    def armed(self) -> list[dict[str, Any]]:
        """The faults that have not been used up."""
        return self._get("/_sandbox/faults")["armed"]

    def disarm(self) -> None:
        self._http.delete(self.url + "/_sandbox/faults").raise_for_status()

    def books(self, prefix: str = "") -> list[dict[str, Any]]:
        """Transactions whose reference starts so."""
        rows = self._get("/_sandbox/books")["transactions"]
        return [row for row in rows if row["reference"].startswith(prefix)]

    def webhooks(self, reference: str, event: str = "charge.success") -> list[dict[str, Any]]:
        return self._get("/_sandbox/webhooks", reference=reference, event=event)["deliveries"]

    def deliver_again(self, delivery_id: int, copies: int) -> list[int | None]:
        return self._post("/_sandbox/deliver", {"id": delivery_id, "copies": copies})["statuses"]

    def deliver_own(self, event: str, data: dict[str, Any], *, forged: bool = False) -> list[int | None]:
        return self._post("/_sandbox/deliver", {"event": event, "data": data, "forged": forged})["statuses"]

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(self.url + path, json=body)
        answer.raise_for_status()
        return answer.json()

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        answer = self._http.get(self.url + path, params=query)
        answer.raise_for_status()
        return answer.json()
