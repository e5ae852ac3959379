"""Where the local stack lives: its ports, its state folder, and the few fixed values both sides must agree on. There are
two kinds: the one process, and the deployed templates on an emulator of AWS.

Everything comes from the environment, so that a second stack (the end-to-end tests') can run beside a developer's:
SELLEASI_STATE=.local/test SELLEASI_PORT=8100 moves every port and every file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

DEFAULT_STATE = ".local/run"
DEFAULT_PORT = 8000
# What else listens moves along with the front door unless it is given a port of its own.
OPERATOR_PORT_OFFSET = 8001 - DEFAULT_PORT
MINISTACK_PORT_OFFSET = 4566 - DEFAULT_PORT
PAYSTACK_PORT_OFFSET = 8010 - DEFAULT_PORT

ENV_NAME = "local"
STACK_NAME = f"selleasi-{ENV_NAME}"
REGION = "us-east-1"
MAIL_FROM = "SellEasi <no-reply@selleasi.test>"
# Not a secret: the sandbox Paystack on this machine takes it, nobody else.
PAYSTACK_SECRET_KEY = "sk_test_local_sandbox"


# The kinds of stacks.
PROCESS, AWS = "process", "aws"


@dataclass(frozen=True)
class Stack:
    kind: str
    state: Path
    port: int
    aws_port: int  # the emulator's, or the operator's door of the one process, which speaks the same protocols
    paystack_port: int
    paystack_base_url: str  # as functions reach it; a browser uses paystack_url

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def aws_url(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def paystack_url(self) -> str:
        return f"http://localhost:{self.paystack_port}"

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks/paystack"

    @property
    def kind_file(self) -> Path:
        return self.state / "kind"

    @property
    def data(self) -> Path:
        """What the one process keeps."""
        return self.state / "data"

    @property
    def api_id_file(self) -> Path:
        return self.state / "api-id"

    @property
    def functions_endpoint_file(self) -> Path:
        """Names the AWS that functions call, while that is not MiniStack itself."""
        return self.state / "functions-endpoint"

    def process_settings(self) -> dict[str, str]:
        """The settings of the one process, in its environment: what `parameters` says, in its words."""
        told = self.parameters()
        return {f"SELLEASI_SET_{name}": value for name, value in {
            "LISTEN": f"127.0.0.1:{self.port}",
            "OPERATOR": f"127.0.0.1:{self.aws_port}",
            "PUBLIC_URL": self.url,
            "BASE_DOMAIN": told["BaseDomain"],
            "MAIL_FROM": json.dumps(told["MailFrom"]),
            "RECONCILE_SCHEDULE_S": f"[{told['ReconcileScheduleS']}]",
            "CLIENT_RATE_FACTOR": told["ClientRateFactor"],
            "RETRY_LONGEST_S": told["RetryLongestS"],
            "DURABILITY": json.dumps(os.environ.get("SELLEASI_DURABILITY", "full")),
            "PAYSTACK__BASE_URL": self.paystack_base_url,
            "PAYSTACK__SECRET_KEY": PAYSTACK_SECRET_KEY,
        }.items()}  # fmt: skip

    def parameters(self) -> dict[str, str]:
        """What template.yaml is deployed with; SELLEASI_PARAMETERS="Name=value;Name=value" adds to it or replaces."""
        more = os.environ.get("SELLEASI_PARAMETERS", "")
        return {
            "Env": ENV_NAME,
            "BaseDomain": "localhost",
            "PublicBaseUrl": self.url,
            "PaystackBaseUrl": self.paystack_base_url,
            "MailFrom": MAIL_FROM,
            # Nobody here wants to wait a minute to see a declined card noticed.
            "ReconcileScheduleS": "1,2,3,5,10,20,60",
            # Tests are many clients at one address. Tenants' own rules hold.
            "ClientRateFactor": "1000",
            # One machine, one clock, and nothing that is away for long.
            "ClockSkewMaxS": "0",
            "RetryLongestS": "10",
            **dict(pair.split("=", 1) for pair in more.split(";") if "=" in pair),
        }

    def aws_environment(self) -> dict[str, str]:
        """This process's environment with every AWS setting pointing at this stack, and at nothing else."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ACCESS_KEY_ID": self._access_key(),
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _access_key(self) -> str:
        """The one process lets nobody in without; MiniStack does not look at it."""
        if self.kind == AWS:
            return "test"
        try:
            return json.loads((self.data / "secrets.json").read_text())["operator"]["key"]
        except FileNotFoundError:
            return "none yet"


def from_environment(kind: str | None = None) -> Stack:
    """The stack that the environment names. Its kind is that of the one that was started there last, unless given."""
    state = (ROOT / os.environ.get("SELLEASI_STATE", DEFAULT_STATE)).resolve()
    if kind is None:
        try:
            kind = (state / "kind").read_text()
        except FileNotFoundError:
            kind = PROCESS
    port = int(os.environ.get("SELLEASI_PORT", DEFAULT_PORT))
    paystack_port = int(os.environ.get("SELLEASI_PAYSTACK_PORT", port + PAYSTACK_PORT_OFFSET))
    aws_port = port + (MINISTACK_PORT_OFFSET if kind == AWS else OPERATOR_PORT_OFFSET)
    return Stack(
        kind=kind,
        state=state,
        port=port,
        aws_port=int(os.environ.get("SELLEASI_AWS_PORT", aws_port)),
        paystack_port=paystack_port,
        paystack_base_url=os.environ.get("SELLEASI_PAYSTACK_URL", f"http://127.0.0.1:{paystack_port}"),
    )
