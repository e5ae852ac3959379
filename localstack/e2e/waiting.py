"""Waiting for something to become true, with a bound and with words for when it does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

# Generous, for a busy machine; nothing waits this long unless it is broken. SELLEASI_PATIENCE=3 triples it.
WITHIN_S = 30.0 * float(os.environ.get("SELLEASI_PATIENCE", "1"))
LOOK_EVERY_S = 0.1
SHOWN_MAX = 1_500


class NeverHappened(AssertionError):
    """What was waited for, and what was there instead."""


def wait_for(
    what: str,
    look: Callable[[], T],
    until: Callable[[T], Any] = bool,
    *,
    within_s: float = WITHIN_S,
    every_s: float = LOOK_EVERY_S,
) -> T:
    """The first thing seen that `until` takes. Tells what was seen last when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if until(seen):
            return seen
        if time.monotonic() > deadline:
            raise NeverHappened(f"{what}: not within {within_s:.0f} s; last seen: {str(seen)[:SHOWN_MAX]}")
        time.sleep(every_s)
