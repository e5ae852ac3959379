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

STAGE, RULE, SUBSCRIPTION = "AWS::ApiGatewayV2::Stage", "AWS::Events::Rule", "AWS::SNS::Subscription"
QUEUE_POLICY = "AWS::SQS::QueuePolicy"

LONGEST_ENV = "e" * 20
NAME_MAX = 64
VISIBILITY_FACTOR = 6
RETENTION_S = 14 * 24 * 3_600
ALARMS_MAX = 10
METRICS_MAX = 10
RECEIVES_MAX = 1_000
# Whoever can sign can be anyone. Written down here too, so that one more is noticed.
SIGNERS = {
    "auth-guest", "auth-login", "auth-refresh", "auth-switch-tenant", "auth-verify-email", "onboarding-complete",
}  # fmt: skip

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


def name_of(template: dict[str, Any], resource: Any) -> str:
    """The last part of what a policy or a target names: `selleasi-${Env}-orders-expire`."""
    if isinstance(resource, dict) and "Fn::GetAtt" in resource:
        properties = template["Resources"][resource["Fn::GetAtt"][0]]["Properties"]
        resource = next((properties[key] for key in ("QueueName", "FunctionName") if key in properties), "")
    text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else str(resource)
    return str(text).rsplit(":", 1)[-1]


def function_of(templates: Templates, role: Resource) -> str:
    """`auth-login`, whose role it is."""
    return next(
        function.properties["FunctionName"]["Fn::Sub"].removeprefix("selleasi-${Env}-")
        for function in resources(templates, FUNCTION)
        if (function.template, referred(function.properties["Role"])) == (role.template, role.id)
    )


def granted(templates: Templates, action: str) -> dict[str, set[str]]:
    """By function, the names of all it may do this to."""
    found: dict[str, set[str]] = {}
    for role, statement in statements(templates):
        if action in as_list(statement.get("Action", [])):
            names = {name_of(templates[role.template], resource) for resource in as_list(statement["Resource"])}
            found.setdefault(function_of(templates, role), set()).update(names)
    return found


def work_queues(templates: Templates) -> dict[str, str]:
    """Queues that call a function, by name, with the function."""
    return {
        name_of(template, mapping.properties["EventSourceArn"]): name_of(
            template, {"Fn::GetAtt": [mapping.properties["FunctionName"]["Ref"], "Arn"]}
        ).removeprefix("selleasi-${Env}-")
        for mapping in resources(templates, MAPPING)
        for template in [templates[mapping.template]]
        if "Fn::GetAtt" in mapping.properties["EventSourceArn"]
    }


def fed_by_rules(templates: Templates) -> set[str]:
    return {
        name_of(templates[rule.template], target["Arn"])
        for rule in resources(templates, RULE)
        if "EventPattern" in rule.properties
        for target in rule.properties["Targets"]
    }


def called_by_the_clock(templates: Templates) -> set[str]:
    return {
        name_of(templates[rule.template], target["Arn"]).removeprefix("selleasi-${Env}-")
        for rule in resources(templates, RULE)
        if "ScheduleExpression" in rule.properties
        for target in rule.properties["Targets"]
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
        # All that is in the table of requests is forgotten within days.
        if table.id != "RequestsTable" and recovery.get("PointInTimeRecoveryEnabled") is not True:
            yield "point in time recovery"
        # Every table is encrypted; with a key other than AWS's own, each request costs more.
        if "SSESpecification" in properties:
            yield "encryption with AWS's own key"
        if protection not in (True, {"Fn::If": ["IsProtected", True, False]}):
            yield "deletion protection"
        # A timer is over when its function is done, however late that is.
        if table.id == "TimersTable":
            if expiry:
                yield "end to being forgotten"
        elif expiry != {"AttributeName": "expires_at_epoch_s", "Enabled": True}:
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


def no_function_sends_to_the_queue_that_calls_it(templates: Templates) -> list[str]:
    sends, calls = granted(templates, "sqs:SendMessage"), work_queues(templates)
    return [f"{function}: {queue}" for queue, function in calls.items() if queue in sends.get(function, set())]


def a_step_sends_to_its_own_dead_letters_only(templates: Templates) -> list[str]:
    sends = granted(templates, "sqs:SendMessage")
    return [
        f"{function}: {sends.get(function)}"
        for queue, function in work_queues(templates).items()
        if sends.get(function) != {f"{queue}-dlq"}
    ]


def a_step_can_hold_its_messages_back(templates: Templates) -> list[str]:
    holds = granted(templates, "sqs:ChangeMessageVisibility")
    return [function for queue, function in work_queues(templates).items() if holds.get(function) != {queue}]


def queues_without_a_rule_are_the_clocks(templates: Templates) -> list[str]:
    """What no event fills is a timer's, and what the clock calls fills those and no others."""
    timers = work_queues(templates).keys() - fed_by_rules(templates)
    sends = granted(templates, "sqs:SendMessage")
    filled = set().union(*(sends.get(function, set()) for function in called_by_the_clock(templates)))
    return sorted(timers ^ filled)


def only_rules_may_send_without_a_role(templates: Templates) -> list[str]:
    broken = []
    for policy in resources(templates, QUEUE_POLICY):
        for statement in as_list(policy.properties["PolicyDocument"]["Statement"]):
            source = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn")
            rule = templates[policy.template]["Resources"].get(referred(source) or "", {"Type": "none"})
            if rule["Type"] != RULE or statement["Principal"] != {"Service": "events.amazonaws.com"}:
                broken.append(str(policy))
    return broken


def messages_are_kept_for_two_weeks(templates: Templates) -> list[str]:
    return [
        str(queue)
        for queue in resources(templates, QUEUE)
        if queue.properties.get("MessageRetentionPeriod") != RETENTION_S
    ]


def sqs_does_not_end_a_days_retries(templates: Templates) -> list[str]:
    """A quarter of an hour apart at the most, for a day; and twice as many receives, for those that come early."""
    least = 2 * 24 * 4
    return [
        str(queue)
        for queue in resources(templates, QUEUE)
        if "RedrivePolicy" in queue.properties
        and not least <= queue.properties["RedrivePolicy"]["maxReceiveCount"] <= RECEIVES_MAX
    ]


def only_signers_read_the_signing_key(templates: Templates) -> list[str]:
    reads = granted(templates, "secretsmanager:GetSecretValue")
    found = {function for function, names in reads.items() if any("signing-key" in name for name in names)}
    return sorted(found ^ SIGNERS)


def every_alarm_tells_somebody_what_to_do(templates: Templates) -> list[str]:
    def wrong(alarm: Resource) -> Iterator[str]:
        if alarm.properties.get("AlarmActions") != [{"Ref": "AlarmTopicArn"}]:
            yield "action"
        if "Condition" not in templates[alarm.template]["Resources"][alarm.id] and (
            "First: " not in alarm.properties.get("AlarmDescription", "")
        ):
            yield "advice"
        if len([query for query in alarm.properties.get("Metrics", []) if "MetricStat" in query]) > METRICS_MAX:
            yield "way for so many metrics"

    return [f"{alarm}: no {what}" for alarm in resources(templates, ALARM) for what in wrong(alarm)]


def few_alarms_by_default(templates: Templates) -> list[str]:
    unconditional = [
        str(alarm)
        for alarm in resources(templates, ALARM)
        if templates[alarm.template]["Resources"][alarm.id].get("Condition") != "IsDetailed"
    ]
    off = templates["template.yaml"]["Parameters"]["DetailedAlarms"]["Default"] == "false"
    return unconditional[ALARMS_MAX:] if off else ["DetailedAlarms is on by default"]


def the_topic_has_a_subscriber_only_where_one_is_given(templates: Templates) -> list[str]:
    return [
        str(subscription)
        for subscription in resources(templates, SUBSCRIPTION)
        if templates[subscription.template]["Resources"][subscription.id].get("Condition") != "HasAlarmEmail"
    ]


def concurrency_is_reserved_only_where_it_is_asked_for(templates: Templates) -> list[str]:
    """A new account has ten executions in all, and a deploy that reserves some fails there."""
    asked = {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "0"]}]}
    if_asked = {"Fn::If": ["ReservesConcurrency", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
    broken = [
        str(function)
        for function in resources(templates, FUNCTION)
        if "ReservedConcurrentExecutions" in function.properties
        if function.properties["ReservedConcurrentExecutions"] != if_asked
        or templates[function.template]["Conditions"].get("ReservesConcurrency") != asked
    ]
    if templates["template.yaml"]["Parameters"]["ReservedConcurrency"]["Default"] != 0:
        broken.append("template.yaml: reserves by default")
    return broken


def a_queue_fills_no_more_than_what_its_function_keeps(templates: Templates) -> list[str]:
    """What is called beyond that is throttled, and each time spends a receive of its messages."""
    bound = {"MaximumConcurrency": {"Ref": "ReservedConcurrency"}}
    if_asked = {"Fn::If": ["ReservesConcurrency", bound, {"Ref": "AWS::NoValue"}]}
    broken = []
    for mapping in resources(templates, MAPPING):
        nearby = templates[mapping.template]["Resources"]
        function = nearby[referred(mapping.properties["FunctionName"])]["Properties"]
        of_queue = referred(mapping.properties["EventSourceArn"]) in nearby
        if of_queue and "ReservedConcurrentExecutions" in function:
            if mapping.properties.get("ScalingConfig") != if_asked:
                broken.append(str(mapping))
    refused = {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "1"]}]}
    rules = templates["template.yaml"].get("Rules", {}).values()
    if not any(assertion["Assert"] == refused for rule in rules for assertion in rule["Assertions"]):
        broken.append("template.yaml: takes a concurrency of 1, which SQS does not")
    return broken


def what_the_saga_needs_can_be_reserved(templates: Templates) -> list[str]:
    reserved = {
        function.properties["FunctionName"]["Fn::Sub"].removeprefix("selleasi-${Env}-")
        for function in resources(templates, FUNCTION)
        if "ReservedConcurrentExecutions" in function.properties
    }
    needed = {
        "orders-place", "payments-webhook-paystack",
        "platform-authorizer", "platform-outbox-relay", "platform-sweep-timers",
    }  # fmt: skip
    return sorted(needed - reserved)


def every_route_has_limits_and_is_there_before_the_stage(templates: Templates) -> list[str]:
    (stage,) = resources(templates, STAGE)
    routes = {route.properties["RouteKey"]: route.template for route in resources(templates, ROUTE)}
    limits = stage.properties.get("RouteSettings", {})
    broken = [f"limits of {key}" for key in routes.keys() ^ limits.keys()]
    broken += [key for key, limit in limits.items() if not {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= limit.keys()]
    root = templates[stage.template]["Resources"]
    before = {root[name]["Properties"]["TemplateURL"].rsplit("/", 1)[-1] for name in root[stage.id].get("DependsOn", [])}
    return broken + sorted(set(routes.values()) - before)


def what_sends_mails_waits_for_what_it_names(templates: Templates) -> list[str]:
    stacks = {
        name: stack
        for name, stack in templates["template.yaml"]["Resources"].items()
        if "MailFrom" in stack.get("Properties", {}).get("Parameters", {})
    }
    if not stacks:
        return ["nothing sends mails"]
    return [name for name, stack in stacks.items() if "MailConfigurationSet" not in as_list(stack.get("DependsOn", []))]


def a_scheduled_call_is_made_once(templates: Templates) -> list[str]:
    clocks = [rule for rule in resources(templates, RULE) if "ScheduleExpression" in rule.properties]
    broken = [
        str(rule)
        for rule in clocks
        for target in rule.properties["Targets"]
        if target.get("RetryPolicy", {}).get("MaximumRetryAttempts") != 0 or "EventBusName" in rule.properties
    ]
    return broken or ([] if clocks else ["the clock calls nothing"])


def the_access_log_tells_who_called(templates: Templates) -> list[str]:
    (stage,) = resources(templates, STAGE)
    return [] if "$context.identity.sourceIp" in stage.properties["AccessLogSettings"]["Format"] else [str(stage)]


def loops_are_caught(templates: Templates) -> list[str]:
    """Lambda ends loops of functions and queues by itself, unless it is told to let them be."""
    return [name for name, template in templates.items() if "RecursiveLoop" in json.dumps(template)]


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


def role_of(templates: Templates, function: str) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    return next(
        policy["PolicyDocument"]["Statement"]
        for role in resources(templates, ROLE)
        if function_of(templates, role) == function
        for policy in role.properties["Policies"]
    )


def allow(templates: Templates, function: str, action: str, resource: Any) -> None:
    role_of(templates, function).append({"Effect": "Allow", "Action": [action], "Resource": [resource]})


def queue_arn(name: str) -> dict[str, str]:
    return {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:selleasi-${Env}-" + name}


def secret_arn(name: str) -> dict[str, str]:
    arn = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:selleasi/${Env}/"
    return {"Fn::Sub": f"{arn}{name}-??????"}


def forbid(templates: Templates, function: str, action: str) -> None:
    for statement in role_of(templates, function):
        statement["Action"] = [granted for granted in statement["Action"] if granted != action]


def unconditional(templates: Templates, kind: str) -> None:
    for template in templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] == kind:
                resource.pop("Condition", None)


def properties(templates: Templates, template: str, logical_id: str) -> dict[str, Any]:
    return templates[template]["Resources"][logical_id]["Properties"]


def redrive(templates: Templates) -> dict[str, Any]:
    return first(templates, QUEUE, "RedrivePolicy")["RedrivePolicy"]


def scheduled(templates: Templates) -> dict[str, Any]:
    return first(templates, RULE, "ScheduleExpression")


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
            "DeletionProtectionEnabled",
            "TimeToLiveSpecification",
        )
    ),
    (every_table_is_protected, lambda all: first(all, TABLE).update(SSESpecification={"SSEEnabled": True})),
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
    (
        no_function_sends_to_the_queue_that_calls_it,
        lambda all: allow(all, "orders-expire", "sqs:SendMessage", {"Fn::GetAtt": ["OrdersExpireQueue", "Arn"]}),
    ),
    (
        no_function_sends_to_the_queue_that_calls_it,
        lambda all: allow(all, "orders-expire", "sqs:SendMessage", queue_arn("orders-expire")),
    ),
    (
        a_step_sends_to_its_own_dead_letters_only,
        lambda all: allow(all, "orders-expire", "sqs:SendMessage", queue_arn("audit-on-event-dlq")),
    ),
    (a_step_sends_to_its_own_dead_letters_only, lambda all: forbid(all, "audit-on-event", "sqs:SendMessage")),
    (a_step_can_hold_its_messages_back, lambda all: forbid(all, "audit-on-event", "sqs:ChangeMessageVisibility")),
    (queues_without_a_rule_are_the_clocks, lambda all: forbid(all, "platform-sweep-timers", "sqs:SendMessage")),
    (
        queues_without_a_rule_are_the_clocks,
        lambda all: allow(all, "platform-sweep-timers", "sqs:SendMessage", queue_arn("audit-on-event")),
    ),
    (queues_without_a_rule_are_the_clocks, lambda all: first(all, RULE, "EventPattern").update(Targets=[])),
    (
        only_rules_may_send_without_a_role,
        lambda all: first(all, QUEUE_POLICY)["PolicyDocument"]["Statement"][0].pop("Condition"),
    ),
    (messages_are_kept_for_two_weeks, lambda all: first(all, QUEUE).pop("MessageRetentionPeriod")),
    *(
        (sqs_does_not_end_a_days_retries, lambda all, count=count: redrive(all).update(maxReceiveCount=count))
        for count in (5, 1_001)
    ),
    (
        only_signers_read_the_signing_key,
        lambda all: allow(all, "platform-authorizer", "secretsmanager:GetSecretValue", secret_arn("signing-key")),
    ),
    (only_signers_read_the_signing_key, lambda all: forbid(all, "auth-login", "secretsmanager:GetSecretValue")),
    (every_alarm_tells_somebody_what_to_do, lambda all: first(all, ALARM).pop("AlarmActions")),
    (every_alarm_tells_somebody_what_to_do, lambda all: first(all, ALARM).update(AlarmActions=[])),
    (
        every_alarm_tells_somebody_what_to_do,
        lambda all: properties(all, "alarms.yaml", "FaultsAlarm").update(AlarmDescription="Something is wrong."),
    ),
    (
        every_alarm_tells_somebody_what_to_do,
        lambda all: first(all, ALARM, "Metrics")["Metrics"].extend([{"MetricStat": {}}] * (METRICS_MAX + 1)),
    ),
    (few_alarms_by_default, lambda all: unconditional(all, ALARM)),
    (few_alarms_by_default, lambda all: all["template.yaml"]["Parameters"]["DetailedAlarms"].update(Default="true")),
    (the_topic_has_a_subscriber_only_where_one_is_given, lambda all: unconditional(all, SUBSCRIPTION)),
    (
        concurrency_is_reserved_only_where_it_is_asked_for,
        lambda all: first(all, FUNCTION).update(ReservedConcurrentExecutions=5),
    ),
    (
        concurrency_is_reserved_only_where_it_is_asked_for,
        lambda all: all["orders.yaml"]["Conditions"].update(ReservesConcurrency={"Fn::Equals": ["1", "1"]}),
    ),
    (
        concurrency_is_reserved_only_where_it_is_asked_for,
        lambda all: all["template.yaml"]["Parameters"]["ReservedConcurrency"].update(Default=5),
    ),
    (
        a_queue_fills_no_more_than_what_its_function_keeps,
        lambda all: properties(all, "orders.yaml", "OrdersOnPaymentCompletedMapping").pop("ScalingConfig"),
    ),
    (a_queue_fills_no_more_than_what_its_function_keeps, lambda all: all["template.yaml"].pop("Rules")),
    (
        what_the_saga_needs_can_be_reserved,
        lambda all: properties(all, "platform.yaml", "PlatformAuthorizerFunction").pop("ReservedConcurrentExecutions"),
    ),
    (
        what_sends_mails_waits_for_what_it_names,
        lambda all: all["template.yaml"]["Resources"]["Auth"].update(DependsOn=["Data"]),
    ),
    *(
        (every_route_has_limits_and_is_there_before_the_stage, break_it)
        for break_it in (
            lambda all: first(all, STAGE).pop("RouteSettings"),
            lambda all: first(all, STAGE)["RouteSettings"]["POST /orders"].popitem(),
            lambda all: first(all, STAGE)["RouteSettings"].update({"GET /elsewhere": {}}),
            lambda all: all["template.yaml"]["Resources"]["Stage"]["DependsOn"].remove("Orders"),
        )
    ),
    (a_scheduled_call_is_made_once, lambda all: scheduled(all)["Targets"][0].pop("RetryPolicy")),
    (a_scheduled_call_is_made_once, lambda all: scheduled(all).update(EventBusName="x")),
    (a_scheduled_call_is_made_once, lambda all: scheduled(all).pop("ScheduleExpression")),
    (the_access_log_tells_who_called, lambda all: first(all, STAGE)["AccessLogSettings"].update(Format="{}")),
    (loops_are_caught, lambda all: first(all, FUNCTION).update(RecursiveLoop="Allow")),
    (
        every_table_is_protected,
        lambda all: properties(all, "data.yaml", "TimersTable").update(TimeToLiveSpecification={"Enabled": True}),
    ),
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
