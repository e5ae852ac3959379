"""Calls the functions that operators call, on AWS or on the local stack. For scripts/redrive and scripts/republish."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "localstack"))

import settings  # noqa: E402

# Longer than the functions' timeout (60 s).
ANSWER_WITHIN_S = 90


class Failed(Exception):
    """A message for the person who called."""


def parser(description: str) -> argparse.ArgumentParser:
    """Knows where: --local, or --env NAME with the credentials and region of the AWS CLI."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--local", action="store_true", help="the local stack that SELLEASI_PORT names")
    where.add_argument("--env", metavar="NAME", help="the environment NAME on AWS")
    return made


class Operations:
    """The functions of one environment."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        if arguments.local:
            os.environ.update(settings.from_environment().aws_environment())
        self._prefix = f"selleasi-{settings.ENV_NAME if arguments.local else arguments.env}-"
        # A call that got no answer may have done its work: the person decides whether to call again.
        config = Config(read_timeout=ANSWER_WITHIN_S, retries={"total_max_attempts": 1})
        self._lambda = boto3.client("lambda", config=config)

    def call(self, function: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._lambda.invoke(FunctionName=self._prefix + function, Payload=json.dumps(given).encode())
        except (BotoCoreError, ClientError) as error:
            raise Failed(f"{function}: {error}") from error
        said = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Failed(f"{function}: {said.get('errorMessage', said)}")
        return said


def run(main: Any) -> None:
    """Ends the script as `main` says, or with the message of what failed."""
    try:
        sys.exit(main())
    except Failed as failed:
        sys.exit(f"error: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
