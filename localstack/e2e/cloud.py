"""What lies behind the API, for checks that no answer of the API can make: tables, queues, secrets and the mailbox.

Reads only, but for `in_a_hurry` and what operators do. The keys are those of shared/store/src/keys.rs.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import boto3
import httpx
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from settings import ENV_NAME, PROCESS, Stack

from .waiting import wait_for

PREFIX = f"selleasi-{ENV_NAME}-"
# A look at a dead-letter queue hides its messages this long from the next look.
LOOK_S = 1

_read = TypeDeserializer().deserialize


def plain(value: Any) -> Any:
    """DynamoDB's numbers as Python's."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


@dataclass(frozen=True)
class Item:
    pk: str
    sk: str
    kind: str
    version: int
    data: dict[str, Any]


@dataclass(frozen=True)
class Mail:
    to: tuple[str, ...]
    subject: str
    text: str
    html: str


class Cloud:
    def __init__(self, stack: Stack, http: httpx.Client) -> None:
        self._stack, self._http = stack, http
        os.environ.update({k: v for k, v in stack.aws_environment().items() if k.startswith("AWS_")})
        session = boto3.Session()
        config = Config(max_pool_connections=32, retries={"max_attempts": 3})
        self._dynamodb = session.client("dynamodb", config=config)
        self._sqs = session.client("sqs", config=config)
        self._secrets = session.client("secretsmanager", config=config)
        self._lambda = session.client("lambda", config=config)

    # Tables.

    def item(self, table: str, pk: str, sk: str) -> Item | None:
        found = self._dynamodb.get_item(TableName=PREFIX + table, Key={"pk": {"S": pk}, "sk": {"S": sk}},
                                        ConsistentRead=True).get("Item")  # fmt: skip
        return _item(found) if found else None

    def partition(self, table: str, pk: str, sk_prefix: str = "") -> list[Item]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if sk_prefix:
            condition, values = condition + " AND begins_with(sk, :sk)", {**values, ":sk": {"S": sk_prefix}}
        return self._pages("query", TableName=PREFIX + table, KeyConditionExpression=condition,
                           ExpressionAttributeValues=values, ConsistentRead=True)  # fmt: skip

    def index(self, table: str, number: int, pk: str) -> list[Item]:
        return self._pages("query", TableName=PREFIX + table, IndexName=f"gsi{number}",
                           KeyConditionExpression=f"gsi{number}pk = :pk",
                           ExpressionAttributeValues={":pk": {"S": pk}})  # fmt: skip

    def all_of(self, table: str, pk_prefix: str) -> list[Item]:
        """Walks the whole table, which only a test may."""
        items = self._pages("scan", TableName=PREFIX + table, ConsistentRead=True)
        return [item for item in items if item.pk.startswith(pk_prefix)]

    def _pages(self, operation: str, **arguments: Any) -> list[Item]:
        pages = self._dynamodb.get_paginator(operation).paginate(**arguments)
        return [_item(raw) for page in pages for raw in page["Items"]]

    # Queues.

    @functools.cached_property
    def queues(self) -> dict[str, str]:
        """Names without their prefix, and addresses."""
        pages = self._sqs.get_paginator("list_queues").paginate(QueueNamePrefix=PREFIX)
        urls = [url for page in pages for url in page.get("QueueUrls", [])]
        return {url.rsplit("/", 1)[1].removeprefix(PREFIX): url for url in urls}

    def dead_letters(self, about: str = "") -> list[str]:
        """What lies in the dead-letter queues and speaks of `about`: queue and message."""
        found = []
        for name, url in self.queues.items():
            if not name.endswith("-dlq"):
                continue
            count = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            if not int(count["ApproximateNumberOfMessages"]) + int(count["ApproximateNumberOfMessagesNotVisible"]):
                continue
            answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=LOOK_S)
            found += [f"{name}: {m['Body']}" for m in answer.get("Messages", []) if about in m["Body"]]
        return found

    def under_way(self) -> dict[str, int]:
        """How many messages are being worked on, or would be at once if somebody had time, by queue."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = {}
        for name, url in self.queues.items():
            if not name.endswith("-dlq"):
                answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
                counts[name] = sum(int(count) for count in answer.values())
        return {name: count for name, count in counts.items() if count}

    @contextlib.contextmanager
    def in_a_hurry(self, seconds: int, quiet_within_s: float) -> Iterator[None]:
        """What a function took and did not finish comes again after so many seconds, not after minutes; and as many
        times more often, as far as SQS counts (1,000), so that it is given up no sooner than on AWS. When all went well this ends only after every
        such message has been dealt with: it may have come more often by then than its queue is patient again."""
        names = ["VisibilityTimeout", "RedrivePolicy"]
        before = {}
        for name, url in self.queues.items():
            if name.endswith("-dlq"):
                continue
            as_is = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            policy = json.loads(as_is["RedrivePolicy"])
            more_often = int(policy["maxReceiveCount"]) * int(as_is["VisibilityTimeout"]) // seconds
            policy["maxReceiveCount"] = min(more_often, 1_000)
            hurried = {"VisibilityTimeout": str(seconds), "RedrivePolicy": json.dumps(policy)}
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes=hurried)
            before[url] = {name: as_is[name] for name in names}
        try:
            yield
            wait_for("queues at rest", self.under_way, lambda busy: not busy, within_s=quiet_within_s)
        finally:
            for url, as_is in before.items():
                self._sqs.set_queue_attributes(QueueUrl=url, Attributes=as_is)

    # What operators do.

    def invoke(self, function: str, given: dict[str, Any]) -> Any:
        """What a function that operators call gives back."""
        answer = self._lambda.invoke(FunctionName=PREFIX + function, Payload=json.dumps(given).encode())
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, f"{function}: {said}"
        return said

    def never_called(self) -> list[str]:
        """Of the deployed functions, those that have logged nothing yet: each logs every call."""
        if self._stack.kind == PROCESS:
            return []
        pages = self._lambda.get_paginator("list_functions").paginate()
        names = [function["FunctionName"] for page in pages for function in page["Functions"]]
        logs = boto3.client("logs")

        def is_silent(name: str) -> bool:
            try:
                return not logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
            except logs.exceptions.ResourceNotFoundException:
                return True

        return sorted(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX) and is_silent(name))

    def send(self, queue: str, body: str) -> None:
        self._sqs.send_message(QueueUrl=self.queues[queue], MessageBody=body)

    def delete_dead_letters(self, queue: str, about: str) -> int:
        """Of a function, those that speak of `about`; how many there were."""
        url, deleted = self.queues[f"{queue}-dlq"], 0
        answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=LOOK_S)
        for message in answer.get("Messages", []):
            if about in message["Body"]:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                deleted += 1
        return deleted

    # The rest.

    def secret(self, name: str) -> dict[str, Any]:
        answer = self._secrets.get_secret_value(SecretId=f"selleasi/{ENV_NAME}/{name}")
        return json.loads(answer["SecretString"])

    def mails(self, to: str) -> list[Mail]:
        """What was sent to an address, oldest first."""
        if self._stack.kind == PROCESS:
            answer = self._http.get(f"{self._stack.aws_url}/mails")
            answer.raise_for_status()
            sent = [Mail(tuple(mail["to"]), mail["subject"], mail["text"], mail["html"]) for mail in answer.json()]
        else:
            answer = self._http.get(f"{self._stack.aws_url}/_ministack/ses/messages")
            answer.raise_for_status()
            sent = [_mail(mail) for mails in answer.json()["messages"].values() for mail in mails]
        return [mail for mail in sent if to in mail.to]


def _item(raw: dict[str, Any]) -> Item:
    read = plain({name: _read(value) for name, value in raw.items()})
    return Item(read["pk"], read["sk"], read.get("kind", ""), read.get("version", 0), read.get("data", {}))


def _mail(raw: dict[str, Any]) -> Mail:
    return Mail(tuple(raw["To"]), raw.get("Subject") or "", raw.get("BodyText") or "", raw.get("BodyHtml") or "")
