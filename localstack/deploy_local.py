"""Deploys template.yaml to a running MiniStack, doing no more than has changed.

usage: python localstack/deploy_local.py

Unchanged templates and parameters: only the functions whose binary has changed get new code. Otherwise `sam deploy`,
exactly as to AWS. Then what MiniStack's CloudFormation leaves out is made good: time to live, the mail sender's
identity, the values of secrets. What is deployed is remembered in <state>/deployed.json.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from settings import ENV_NAME, MAIL_FROM, PAYSTACK_SECRET_KEY, ROOT, STACK_NAME, Stack, from_environment

sys.path.insert(0, str(ROOT / "scripts"))

from secret_values import put_missing_secrets  # noqa: E402

TTL_ATTRIBUTE = "expires_at_epoch_s"
NO_TTL = {f"selleasi-{ENV_NAME}-timers"}
WORKERS = max(2, os.cpu_count() or 2)
LEVEL = 1  # three times as fast as the default, 12 % larger
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the same binary gives the same archive


class Failed(Exception):
    """A message for the person who started it."""


@dataclass(frozen=True)
class Deployed:
    """What was deployed, and to which stack: a MiniStack started anew has another stack id."""

    stack_id: str
    templates: str
    functions: dict[str, str]


def clients(stack: Stack) -> Any:
    os.environ.update(stack.aws_environment())
    config = Config(max_pool_connections=WORKERS * 2, retries={"max_attempts": 2}, read_timeout=60)
    session = boto3.Session()
    return lambda name: session.client(name, config=config)


def hash_templates(stack: Stack) -> str:
    digest = hashlib.sha256(json.dumps(stack.parameters(), sort_keys=True).encode())
    files = [ROOT / "template.yaml", *sorted((ROOT / "infra").rglob("*.yaml")), *sorted((ROOT / "infra").rglob("*.json"))]
    for file in files:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def built_functions() -> dict[str, Path]:
    found = {path.parent.name: path for path in sorted((ROOT / "target" / "lambda").glob("*/bootstrap"))}
    if not found:
        raise Failed("nothing is built: target/lambda/<function>/bootstrap is missing. scripts/dev builds it")
    return found


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(binary: Path, digest: str, zips: Path) -> None:
    """<zips>/<digest>.zip, made once."""
    target = zips / f"{digest}.zip"
    if target.exists():
        return
    info = zipfile.ZipInfo("bootstrap", TIMESTAMP)
    info.external_attr = 0o100755 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    half_done = target.with_suffix(f".{os.getpid()}.tmp")
    with zipfile.ZipFile(half_done, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        archive.writestr(info, binary.read_bytes(), compresslevel=LEVEL)
    half_done.rename(target)


def pack_all(functions: dict[str, Path], digests: dict[str, str], zips: Path) -> None:
    """Each binary once, and a link to its archive under each function's name."""
    zips.mkdir(parents=True, exist_ok=True)
    distinct = {digest: functions[name] for name, digest in digests.items()}
    with ThreadPoolExecutor(WORKERS) as pool:  # zlib releases the interpreter lock
        list(pool.map(lambda digest: pack(distinct[digest], digest, zips), distinct))
    for name, digest in digests.items():
        link = zips / f"{name}.zip"
        link.unlink(missing_ok=True)
        link.symlink_to(f"{digest}.zip")
    wanted = {f"{digest}.zip" for digest in digests.values()} | {f"{name}.zip" for name in functions}
    for old in zips.iterdir():
        if old.name not in wanted:
            old.unlink()


def read_deployed(stack: Stack) -> Deployed | None:
    try:
        return Deployed(**json.loads((stack.state / "deployed.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def describe(client: Any) -> dict[str, Any] | None:
    """The root stack, if it is there."""
    try:
        (found,) = client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    except ClientError:
        return None
    return found


def whole(found: dict[str, Any] | None) -> bool:
    return found is not None and found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def wipe(stack: Stack) -> None:
    """A stack that a failed deploy left half rolled back takes no further update; an empty MiniStack takes all."""
    request = urllib.request.Request(f"{stack.aws_url}/_ministack/reset", method="POST")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30):
            pass
    except OSError as error:
        raise Failed(f"the last deploy failed and {stack.aws_url} cannot be emptied ({error}). Start it anew") from None


def sam_deploy(stack: Stack, zips: Path) -> None:
    log = stack.state / "logs" / "deploy.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, str(ROOT / "localstack" / "sam_local.py"), "deploy",
        "--template-file", str(ROOT / "template.yaml"), "--stack-name", STACK_NAME, "--resolve-s3",
        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND",
        "--no-confirm-changeset", "--no-fail-on-empty-changeset",
        "--parameter-overrides", *(f"{name}={json.dumps(value)}" for name, value in stack.parameters().items()),
    ]  # fmt: skip
    environment = {**stack.aws_environment(), "SELLEASI_ZIPS": str(zips), "SAM_CLI_TELEMETRY": "0",
                   "SAM_CLI_POLL_DELAY": "0.5", "PYTHONPATH": ""}  # fmt: skip
    with log.open("wb") as out:
        done = subprocess.run(command, cwd=stack.state, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        tail = "\n".join(line for line in log.read_text(errors="replace").splitlines()[-25:] if line.strip())
        raise Failed(f"sam deploy failed. Log: {log}\n{tail}")


def update_code(client: Any, changed: list[str], zips: Path) -> bool:
    """New code for these functions; False when one of them is not there, so that all must be deployed."""
    awslambda = client("lambda")

    def update(name: str) -> bool:
        try:
            awslambda.update_function_code(
                FunctionName=f"selleasi-{ENV_NAME}-{name}", ZipFile=(zips / f"{name}.zip").read_bytes()
            )
        except awslambda.exceptions.ResourceNotFoundException:
            return False
        return True

    with ThreadPoolExecutor(WORKERS) as pool:
        return all(pool.map(update, changed))


def complete(client: Any) -> None:
    """What MiniStack's CloudFormation leaves out."""
    dynamodb = client("dynamodb")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for table in set(page["TableNames"]) - NO_TTL:
            dynamodb.update_time_to_live(
                TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
            )
    ses = client("sesv2")
    address = MAIL_FROM.partition("<")[2].rstrip(">") or MAIL_FROM
    with contextlib.suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=address)
    put_missing_secrets(client("secretsmanager"), ENV_NAME, PAYSTACK_SECRET_KEY)


def deploy(stack: Stack) -> str:
    """Brings MiniStack up to date; what was done, in words."""
    client = clients(stack)
    functions = built_functions()
    with ThreadPoolExecutor(WORKERS) as pool:
        digests = dict(zip(functions, pool.map(hash_file, functions.values()), strict=True))
    templates = hash_templates(stack)
    known, present = read_deployed(stack), describe(client)
    zips = stack.state / "zips"
    pack_all(functions, digests, zips)
    done, anew = "", ""
    if present and not whole(present):
        wipe(stack)
        present, anew = None, ", anew after a failed deploy"
    same_stack = known and present and (known.stack_id, known.templates) == (present["StackId"], templates)
    if known and same_stack and known.functions.keys() == digests.keys():
        changed = [name for name, digest in digests.items() if known.functions[name] != digest]
        if update_code(client, changed, zips):
            done = f"{len(changed)} functions updated" if changed else "nothing has changed"
    if not done:
        (stack.state / "deployed.json").unlink(missing_ok=True)
        sam_deploy(stack, zips)
        present = describe(client)
        if not whole(present):
            raise Failed(f"the stack is not complete after the deploy. Log: {stack.state / 'logs' / 'deploy.log'}")
        done = f"{len(functions)} functions deployed{anew}"
    complete(client)
    assert present is not None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in present.get("Outputs", [])}
    if "ApiId" not in outputs:
        raise Failed("template.yaml has no output ApiId")
    half_done = stack.api_id_file.with_suffix(".tmp")
    half_done.write_text(outputs["ApiId"])
    half_done.rename(stack.api_id_file)
    record = Deployed(present["StackId"], templates, digests)
    (stack.state / "deployed.json").write_text(json.dumps(asdict(record)))
    return done


def main() -> int:
    try:
        print(deploy(from_environment()))
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"MiniStack refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
