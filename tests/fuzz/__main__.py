"""Makes up requests from the API's own OpenAPI document and holds the answers to it: `python -m tests.fuzz`.

Runs schemathesis with every check, stateful links included, against an installation of its own that has one of everything.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import plumbing

HERE = Path(__file__).parent
EXAMPLES = 200


def main(words: Sequence[str] | None = None) -> int:
    """Run it; 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help=f"how many for each operation; {EXAMPLES} if left out")
    parser.add_argument("--seconds", type=float, default=None, help="end it after so many, as if it had found something")
    arguments, more = parser.parse_known_args(words)
    with plumbing.folder() as path:
        return fuzz(path, arguments.examples, more, seconds=arguments.seconds).returncode


def fuzz(path: Path, examples: int, more: Sequence[str] = (), *, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    """Fuzz an installation in an empty folder with so many examples for each operation; `more` are words for schemathesis."""
    names, trusted = ("api", "deliver"), {"CROSSDOCK_TRUSTED_PROXIES": "127.0.0.1"}
    with (
        plumbing.receiver() as receiver,
        plumbing.installation(path / "installation", *names, module="tests.fuzz.inside", **trusted) as running,
    ):
        _furnish(running, receiver)
        env = os.environ | {
            "CROSSDOCK_FUZZED": running.address,
            "CROSSDOCK_FUZZER_EMAIL": plumbing.EMAIL,
            "CROSSDOCK_FUZZER_PASSWORD": plumbing.PASSWORD,
            "CROSSDOCK_FUZZ_RECEIVER": receiver,
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "PYTHONPATH": str(plumbing.ROOT),
        }
        tool = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
        wanted = [f"{running.address}/api/openapi.json", "--max-examples", str(examples), "--no-color", *more]
        return subprocess.run([*tool, *wanted], cwd=path, env=env, text=True, timeout=seconds, check=False)


def _furnish(running: plumbing.Installation, receiver: str) -> None:
    """One of everything, so that there is something to be read and changed."""
    with running.client() as client:
        for path, body in (
            ("modules/starter-sets/crm/install", {}),
            ("webhooks", {"url": receiver, "events": ["*"]}),
            ("records/contacts", {"firstName": "Ada", "lastName": "Byron", "email": "ada@example.com"}),
            ("orders", {"branch_id": "b", "order_type": "pickup", "items": [{"product_id": "p", "quantity": 1}], "external_id": "4711"}),
            ("events", {"type": "order.created", "data": {"id": "4711", "total": 42.5}}),
            ("event-types", {"name": "invoice.settled"}),
            ("api-keys", {"name": "Partner", "scopes": ["orders:read"]}),
            ("replays", {"filter": {}, "rate": 50, "reason": "A receiver lost them."}),
        ):
            client.post(f"/api/v1/{path}", json=body).raise_for_status()


if __name__ == "__main__":
    sys.exit(main())
