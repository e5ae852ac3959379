"""An AWS that fails: microburst, a proxy, between the functions and MiniStack.

It is not there for the other tests: it would double what a call to AWS costs. `failing_aws` starts it and kills every
function, so that those started from then on call it; nothing else does. It passes everything on until it is told what
should fail, and counts what did.
"""

from __future__ import annotations

import contextlib
import random
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
from settings import Stack

from .functions import kill_functions
from .waiting import wait_for

# microburst takes no seed, and draws from `random`. Its log is of failures, not of every call.
START = """
import logging, random, sys
from microburst.cli import main
random.seed(sys.argv.pop(1))
logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
sys.exit(main())
"""

# More parts than any transaction has here, and as many entries as a call to the bus may have.
PARTS_MAX = 14
ENTRIES_MAX = 10
# Of the calls that a kind of failure can strike, so many in a hundred are struck.
RATES = (0.02, 0.06)
# One kind of failure can come as a storm, which hardly anything gets through.
STORM_RATE = 0.8
# A function gives a call to AWS up after 3 s and makes it again: then the slow one takes effect after the second.
SLOW_MS = {"dist": "spike", "min": 20, "max": 400, "spike_ms": 3_500, "spike_p": 0.1}

# Every call that functions make, as microburst counts them; but for GetSecretValue, which few make, and once.
STRUCK = {
    "dynamodb TransactWriteItems", "dynamodb GetItem", "dynamodb BatchGetItem", "dynamodb Query", "events PutEvents",
    "sqs SendMessageBatch", "sqs ChangeMessageVisibility", "ses unknown",
}  # fmt: skip

Json = dict[str, Any]
# What microburst calls a failure, by its metrics.
_COUNTED = re.compile(r'^microburst_faults_total\{service="(.*)",operation="(.*)",action="(.*)"\} (\d+)$', re.MULTILINE)


def _refused(service: str, operation: str, code: str, status: int = 400, message: str = "") -> Json:
    return {"service": service, "operation": operation, "error": {"code": code, "status": status, "message": message}}


def _lost(service: str, operation: str) -> Json:
    """It takes effect, and the connection is closed before a byte of the answer."""
    return {"service": service, "operation": operation, "response": {"abort_bytes": 0}}


def _slow(service: str, operation: str) -> Json:
    return {"service": service, "operation": operation, "latency": SLOW_MS}


def _cancelled(parts: int, chance: random.Random) -> Json:
    """A transaction of so many parts, cancelled for one of them that others are at."""
    struck = chance.randrange(parts)
    code, text = chance.choice((
        ("TransactionConflict", "Transaction is ongoing for the item"),
        ("TransactionConflict", "Transaction is ongoing for the item"),
        ("ThrottlingError", "Throughput exceeds the current capacity of your table or index."),
        ("ProvisionedThroughputExceeded", "The level of configured provisioned throughput for the table was exceeded."),
    ))  # fmt: skip
    reasons = [{"Code": code, "Message": text} if part == struck else {"Code": "None"} for part in range(parts)]
    named = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{named}]"
    rule = _refused("dynamodb", "TransactWriteItems", "TransactionCanceledException", message=message)
    rule["error"]["fields"] = {"CancellationReasons": reasons}
    return {**rule, "body": f"length(TransactItems) == `{parts}`"}


def _entries_refused(entries: int, chance: random.Random) -> Json:
    """The bus answers well, and takes none of the entries. That it takes some of them is what microburst cannot say:
    it answers in place of MiniStack or passes on, and does not change an answer's content."""
    code = chance.choice(("ThrottlingException", "InternalFailure"))
    refused = {"ErrorCode": code, "ErrorMessage": "Try again."}
    rule = _refused("events", "PutEvents", "EntriesRefused", status=200)
    rule["error"]["fields"] = {"FailedEntryCount": entries, "Entries": [refused] * entries}
    return {**rule, "body": f"length(Entries) == `{entries}`"}


def _kinds(chance: random.Random) -> list[list[Json]]:
    """Every way to fail, each as the rules that make it up."""
    kinds = [
        [_cancelled(parts, chance) for parts in range(1, PARTS_MAX + 1)],
        [_refused("dynamodb", "TransactWriteItems", "TransactionInProgressException")],
        [_lost("dynamodb", "TransactWriteItems")],
        [_entries_refused(entries, chance) for entries in range(1, ENTRIES_MAX + 1)],
        [_refused("events", "PutEvents", "ThrottlingException")],
        [_refused("events", "PutEvents", "InternalException", 500)],
        [_lost("events", "PutEvents")],
        [_refused("sqs", "SendMessageBatch", "InternalError", 500)],
        [_lost("sqs", "SendMessageBatch")],
        [_refused("sqs", "ChangeMessageVisibility", "InternalError", 500)],
        # Both generations of SES sign alike, and microburst takes ours for the old one, whose operations it cannot see.
        # Its body is XML then; the status is what the SDK goes by.
        [{"service": "ses", "error": {"code": "TooManyRequestsException", "status": 429}}],
        [{"service": "ses", "error": {"code": "InternalFailure", "status": 500}}],
        [{"service": "ses", "response": {"abort_bytes": 0}}],
        [_refused("secretsmanager", "GetSecretValue", "InternalServiceError", 500)],
    ]
    for operation in ("TransactWriteItems", "GetItem", "BatchGetItem", "Query"):
        throttled = chance.choice(("ThrottlingException", "ProvisionedThroughputExceededException"))
        kinds += [
            [_refused("dynamodb", operation, throttled)],
            [_refused("dynamodb", operation, "InternalServerError", 500)],
            [_slow("dynamodb", operation)],
        ]
    return kinds


def weather(chance: random.Random, storm: bool) -> list[Json]:
    """Rules under which every kind of failure happens now and then, and in a storm one of them nearly always."""
    kinds = _kinds(chance)
    rates = [chance.uniform(*RATES) for _ in kinds]
    if storm:
        rates[chance.randrange(len(kinds))] = STORM_RATE
    return [{**rule, "probability": rate} for rules, rate in zip(kinds, rates, strict=True) for rule in rules]


class FailingAws:
    def __init__(self, url: str, http: httpx.Client) -> None:
        self._url, self._http = url, http

    def is_up(self) -> bool:
        try:
            return self._http.get(f"{self._url}/_microburst/health").status_code == 200
        except httpx.HTTPError:
            return False

    def arm(self, rules: list[Json]) -> None:
        """From now on these, and none that were before."""
        self._http.post(f"{self._url}/_microburst/rules", json=rules).raise_for_status()

    def disarm(self) -> None:
        self.arm([])

    def calls(self) -> int:
        """How many came through."""
        answer = self._http.get(f"{self._url}/_microburst/health")
        answer.raise_for_status()
        return answer.json()["requests_seen"]

    def failures(self) -> Counter[str]:
        """How often what failed, and how."""
        answer = self._http.get(f"{self._url}/_microburst/metrics")
        answer.raise_for_status()
        counted: Counter[str] = Counter()
        for service, operation, action, times in _COUNTED.findall(answer.text):
            how = "slow" if action.startswith("latency:") else action.removeprefix("error:")
            counted[f"{service} {operation} {how.replace('response:abort', 'answer-lost')}"] += int(times)
        return counted


@contextlib.contextmanager
def failing_aws(stack: Stack, http: httpx.Client, seed: str) -> Iterator[FailingAws]:
    """Between the functions and MiniStack until the end of the block, which every function process ends with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    aws = FailingAws(url, http)
    endpoint = stack.functions_endpoint_file
    with (stack.state / "logs" / "microburst.log").open("wb") as log:
        proxy = subprocess.Popen(
            (sys.executable, "-c", START, seed, "--port", str(port), "--upstream", stack.aws_url),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_for("microburst", aws.is_up)
        half_written = endpoint.with_suffix(".new")
        half_written.write_text(url)
        half_written.rename(endpoint)
        kill_functions(stack)
        yield aws
    finally:
        endpoint.unlink(missing_ok=True)
        kill_functions(stack)
        proxy.kill()  # it keeps nothing, and would wait for connections that nobody uses any more
        proxy.wait()
