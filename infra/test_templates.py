"""What must hold of the generated templates and linters do not look for.

Every rule is a function from the templates to what breaks it. Each comes with a way to break it, so that a rule which
can no longer fail is noticed.

usage: pytest infra/test_templates.py
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FUNCTION, QUEUE, TABLE = "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::DynamoDB::Table"
MAPPING, ALARM, ROLE = "AWS::Lambda::EventSourceMapping", "AWS::CloudWatch::Alarm", "AWS::IAM::Role"
ROUTE, LOGS, SECRET = "AWS::ApiGatewayV2::Route", "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"

LONGEST_ENV = "e" * 20
NAME_MAX = 64
VISIBILITY_FACTOR = 6

Templates = dict[str, dict[str, Any]]
Rule = Callable[[Templates], list[str]]


class Resource(NamedTuple):
    template: str
    id: str
    properties: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.template}: {self.id}"


def load() -> Templates:
    files = [ROOT / "template.yaml", *sorted((ROOT / "infra" / "services").glob("*.yaml"))]
    return {file.name: yaml.safe_load(file.read_text()) for file in files}


def operations() -> dict[str, dict[str, Any]]:
    """Route keys of the API's description, with their operations."""
    paths = json.loads((ROOT / "infra" / "api" / "openapi.json").read_text())["paths"]
    return {f"{method.upper()} {path}": operation for path, item in paths.items() for method, operation in item.items()}


def resources(templates: Templates, kind: str) -> list[Resource]:
    return [
        Resource(name, logical_id, resource["Properties"])
        for name, template in templates.items()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == kind
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(templates: Templates) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Every statement of every policy that is attached to a role."""
    for role in resources(templates, ROLE):
        for policy in role.properties.get("Policies", []):
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                yield role, statement


def referred(value: Any) -> str | None:
    """The logical id that a `Ref` or `Fn::GetAtt` names."""
    if not isinstance(value, dict):
        return None
    return value.get("Ref") or (as_list(value.get("Fn::GetAtt"))[0])


def alarmed(templates: Templates, metric: str) -> set[tuple[str, str | None]]:
    """Templates and logical ids of what alarms on this metric watch."""
    return {
        (alarm.template, referred(dimension["Value"]))
        for alarm in resources(templates, ALARM)
        if alarm.properties.get("MetricName") == metric
        for dimension in alarm.properties["Dimensions"]
    }


def dead_letter_queues(templates: Templates) -> set[tuple[str, str | None]]:
    redrives = [
        (queue.template, referred(queue.properties["RedrivePolicy"]["deadLetterTargetArn"]))
        for queue in resources(templates, QUEUE)
        if "RedrivePolicy" in queue.properties
    ]
    destinations = [
        (mapping.template, referred(mapping.properties["DestinationConfig"]["OnFailure"]["Destination"]))
        for mapping in resources(templates, MAPPING)
        if "DestinationConfig" in mapping.properties
    ]
    return {*redrives, *destinations}


# The rules.


def no_wildcard_action(templates: Templates) -> list[str]:
    return [
        f"{role}: {action}"
        for role, statement in statements(templates)
        for action in as_list(statement.get("Action", "NotAction"))
        if "*" in action or ":" not in action
    ]


def no_bare_resource(templates: Templates) -> list[str]:
    return [
        f"{role}: {resource}"
        for role, statement in statements(templates)
        for resource in as_list(statement.get("Resource", "*"))
        if resource == "*" or str(resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource).endswith(":*")
    ]


def no_managed_policy(templates: Templates) -> list[str]:
    return [str(role) for role in resources(templates, ROLE) if role.properties.get("ManagedPolicyArns")]


def no_scan_or_partiql(templates: Templates) -> list[str]:
    return [
        f"{role}: {action}"
        for role, statement in statements(templates)
        for action in as_list(statement.get("Action", []))
        if action.lower() == "dynamodb:scan" or "partiql" in action.lower()
    ]


def every_queue_has_or_is_a_dead_letter_queue(templates: Templates) -> list[str]:
    dead = dead_letter_queues(templates)
    return [
        str(queue)
        for queue in resources(templates, QUEUE)
        if "RedrivePolicy" not in queue.properties and (queue.template, queue.id) not in dead
    ]


def every_dead_letter_queue_has_an_alarm(templates: Templates) -> list[str]:
    watched = alarmed(templates, "ApproximateNumberOfMessagesVisible")
    return [f"{template}: {queue}" for template, queue in dead_letter_queues(templates) - watched]


def every_queue_is_encrypted(templates: Templates) -> list[str]:
    return [str(queue) for queue in resources(templates, QUEUE) if queue.properties.get("SqsManagedSseEnabled") is not True]


def every_mapping_reports_partial_failures(templates: Templates) -> list[str]:
    return [
        str(mapping)
        for mapping in resources(templates, MAPPING)
        if "ReportBatchItemFailures" not in mapping.properties.get("FunctionResponseTypes", [])
    ]


def a_batch_stays_hidden_while_it_is_worked_on(templates: Templates) -> list[str]:
    broken = []
    for mapping in resources(templates, MAPPING):
        nearby = templates[mapping.template]["Resources"]
        queue = nearby.get(referred(mapping.properties["EventSourceArn"]), {"Type": "elsewhere"})
        function = nearby[referred(mapping.properties["FunctionName"])]["Properties"]
        if queue["Type"] == QUEUE and queue["Properties"]["VisibilityTimeout"] < VISIBILITY_FACTOR * function["Timeout"]:
            broken.append(str(mapping))
    return broken


def every_table_is_protected(templates: Templates) -> list[str]:
    def wrong(table: Resource) -> Iterator[str]:
        properties = table.properties
        resource = templates[table.template]["Resources"][table.id]
        recovery = properties.get("PointInTimeRecoverySpecification", {})
        expiry = properties.get("TimeToLiveSpecification", {})
        # Off only in test environments, which say so by a parameter.
        protection = properties.get("DeletionProtectionEnabled")
        if recovery.get("PointInTimeRecoveryEnabled") is not True:
            yield "point in time recovery"
        if properties.get("SSESpecification", {}).get("SSEEnabled") is not True:
            yield "encryption"
        if protection not in (True, {"Fn::If": ["IsProtected", True, False]}):
            yield "deletion protection"
        if expiry != {"AttributeName": "expires_at_epoch_s", "Enabled": True}:
            yield "time to live"
        if not resource.get("DeletionPolicy") == resource.get("UpdateReplacePolicy") == "Retain":
            yield "retention"

    return [f"{table}: no {what}" for table in resources(templates, TABLE) for what in wrong(table)]


def the_outbox_alone_has_a_stream(templates: Templates) -> list[str]:
    return [
        str(table)
        for table in resources(templates, TABLE)
        if (table.id == "OutboxTable") != ("StreamSpecification" in table.properties)
    ]


def every_function_is_looked_after(templates: Templates) -> list[str]:
    watched = alarmed(templates, "Errors")
    groups = {
        (logs.template, json.dumps(logs.properties["LogGroupName"]))
        for logs in resources(templates, LOGS)
        if logs.properties.get("RetentionInDays")
    }

    def wrong(function: Resource) -> Iterator[str]:
        name = function.properties["FunctionName"]["Fn::Sub"]
        if (function.template, json.dumps({"Fn::Sub": f"/aws/lambda/{name}"})) not in groups:
            yield "log group that forgets"
        if not function.properties.get("MemorySize"):
            yield "memory"
        if not function.properties.get("Timeout"):
            yield "timeout"
        if (function.template, function.id) not in watched:
            yield "alarm"

    return [f"{function}: no {what}" for function in resources(templates, FUNCTION) for what in wrong(function)]


def every_name_fits(templates: Templates) -> list[str]:
    names = [function.properties["FunctionName"]["Fn::Sub"] for function in resources(templates, FUNCTION)]
    return [name for name in names if len(name.replace("${Env}", LONGEST_ENV)) > NAME_MAX]


def every_route_is_public_or_authorized(templates: Templates) -> list[str]:
    described = operations()
    broken = []
    for route in resources(templates, ROUTE):
        operation = described.get(route.properties["RouteKey"])
        authorized = route.properties.get("AuthorizationType") == "CUSTOM" and "AuthorizerId" in route.properties
        if operation is None or authorized != (operation["x-selleasi"]["access"] != "public"):
            broken.append(f"{route}: {route.properties['RouteKey']}")
    return broken


def every_operation_has_one_route(templates: Templates) -> list[str]:
    routes = Counter(route.properties["RouteKey"] for route in resources(templates, ROUTE))
    return [key for key in operations() if routes[key] != 1]


def every_function_has_a_role_of_its_own(templates: Templates) -> list[str]:
    functions = resources(templates, FUNCTION)
    used = Counter((function.template, referred(function.properties["Role"])) for function in functions)
    roles = {(role.template, role.id) for role in resources(templates, ROLE)}
    return [f"{template}: {role}" for (template, role), count in used.items() if count > 1 or (template, role) not in roles]


def no_secret_has_a_value(templates: Templates) -> list[str]:
    return [str(secret) for secret in resources(templates, SECRET) if "SecretString" in secret.properties]


# How each can be broken.


def first(templates: Templates, kind: str, having: str | None = None) -> dict[str, Any]:
    return next(found.properties for found in resources(templates, kind) if having is None or having in found.properties)


def statement(templates: Templates) -> dict[str, Any]:
    return next(statements(templates))[1]


def remove_alarms(templates: Templates, metric: str) -> None:
    for template in templates.values():
        for logical_id, resource in list(template["Resources"].items()):
            if resource["Type"] == ALARM and resource["Properties"].get("MetricName") == metric:
                del template["Resources"][logical_id]


def share_a_role(templates: Templates) -> None:
    by_template = Counter(function.template for function in resources(templates, FUNCTION))
    name = by_template.most_common(1)[0][0]
    one, other, *_ = [found.properties for found in resources({name: templates[name]}, FUNCTION)]
    other["Role"] = one["Role"]


def open_a_route(templates: Templates) -> None:
    route = first(templates, ROUTE, "AuthorizerId")
    route["AuthorizationType"] = "NONE"
    del route["AuthorizerId"]


BREAKING: list[tuple[Rule, Callable[[Templates], Any]]] = [
    (no_wildcard_action, lambda all: statement(all).update(Action=["dynamodb:*"])),
    (no_wildcard_action, lambda all: statement(all).pop("Action")),
    (no_bare_resource, lambda all: statement(all).update(Resource="*")),
    (no_bare_resource, lambda all: statement(all).pop("Resource")),
    (no_managed_policy, lambda all: first(all, ROLE).update(ManagedPolicyArns=["arn:aws:iam::aws:policy/PowerUserAccess"])),
    (no_scan_or_partiql, lambda all: statement(all).update(Action="dynamodb:Scan")),
    (no_scan_or_partiql, lambda all: statement(all).update(Action=["dynamodb:PartiQLSelect"])),
    (every_queue_has_or_is_a_dead_letter_queue, lambda all: first(all, QUEUE, "RedrivePolicy").pop("RedrivePolicy")),
    (every_dead_letter_queue_has_an_alarm, lambda all: remove_alarms(all, "ApproximateNumberOfMessagesVisible")),
    (every_queue_is_encrypted, lambda all: first(all, QUEUE).update(SqsManagedSseEnabled=False)),
    (every_mapping_reports_partial_failures, lambda all: first(all, MAPPING).pop("FunctionResponseTypes")),
    (a_batch_stays_hidden_while_it_is_worked_on, lambda all: first(all, QUEUE, "RedrivePolicy").update(VisibilityTimeout=30)),
    *(
        (every_table_is_protected, lambda all, name=name: first(all, TABLE).pop(name))
        for name in (
            "PointInTimeRecoverySpecification",
            "SSESpecification",
            "DeletionProtectionEnabled",
            "TimeToLiveSpecification",
        )
    ),
    (every_table_is_protected, lambda all: all["data.yaml"]["Resources"]["OrdersTable"].pop("DeletionPolicy")),
    (the_outbox_alone_has_a_stream, lambda all: first(all, TABLE, "StreamSpecification").pop("StreamSpecification")),
    (every_function_is_looked_after, lambda all: [logs.properties.update(LogGroupName="x") for logs in resources(all, LOGS)]),
    (every_function_is_looked_after, lambda all: [logs.properties.pop("RetentionInDays") for logs in resources(all, LOGS)]),
    (every_function_is_looked_after, lambda all: first(all, FUNCTION).pop("MemorySize")),
    (every_function_is_looked_after, lambda all: first(all, FUNCTION).pop("Timeout")),
    (every_function_is_looked_after, lambda all: remove_alarms(all, "Errors")),
    (every_name_fits, lambda all: first(all, FUNCTION).update(FunctionName={"Fn::Sub": "selleasi-${Env}-" + "x" * 36})),
    (every_route_is_public_or_authorized, open_a_route),
    (every_route_is_public_or_authorized, lambda all: first(all, ROUTE).update(RouteKey="GET /elsewhere")),
    (every_operation_has_one_route, lambda all: first(all, ROUTE).update(RouteKey="GET /elsewhere")),
    (every_function_has_a_role_of_its_own, share_a_role),
    (every_function_has_a_role_of_its_own, lambda all: first(all, FUNCTION).update(Role={"Ref": "Elsewhere"})),
    (no_secret_has_a_value, lambda all: first(all, SECRET).update(SecretString="hunter2")),
]
RULES = list(dict.fromkeys(rule for rule, _ in BREAKING))


@pytest.fixture(scope="module")
def templates() -> Templates:
    return load()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_holds(rule: Rule, templates: Templates) -> None:
    assert rule(templates) == []


@pytest.mark.parametrize(
    ("rule", "break_it"), BREAKING, ids=[f"{rule.__name__}-{index}" for index, (rule, _) in enumerate(BREAKING)]
)
def test_can_fail(rule: Rule, break_it: Callable[[Templates], Any], templates: Templates) -> None:
    broken = copy.deepcopy(templates)
    break_it(broken)
    assert rule(broken) != []
