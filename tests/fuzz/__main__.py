"""Makes up requests from the API's own OpenAPI document and holds the answers to it: `python -m tests.fuzz`.

Runs schemathesis with every check, stateful links included, against an installation of its own that has one of everything.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench import plumbing

HERE = Path(__file__).parent
EXAMPLES = 200
DOCUMENT = "/api/openapi.json"


def main(words: Sequence[str] | None = None) -> int:
    """Run it; 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Further words are schemathesis's own, such as --phases.")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help=f"how many for each operation; {EXAMPLES} if left out")
    arguments, more = parser.parse_known_args(words)
    with plumbing.folder() as path, installation(path) as target:
        rounds = [more] if more else [["--phases", "examples,coverage,fuzzing"], *_stateful(target)]
        return max([target.fuzz(arguments.examples, each).returncode for each in rounds])


@dataclass(frozen=True, slots=True)
class Target:
    """An installation that is fuzzed: its address, and the variables that `schemathesis.toml` and the hooks read."""

    address: str
    folder: Path
    variables: dict[str, str]

    def fuzz(self, examples: int, more: Sequence[str], *, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
        """One round with so many examples for each operation; `more` are words for schemathesis."""
        tool = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
        wanted = [f"{self.address}{DOCUMENT}", "--max-examples", str(examples), "--no-color", *more]
        return subprocess.run([*tool, *wanted], cwd=self.folder, env=os.environ | self.variables, text=True, timeout=seconds, check=False)


@contextlib.contextmanager
def installation(path: Path) -> Iterator[Target]:
    """A target in an empty folder."""
    names, trusted = ("api", "deliver"), {"CROSSDOCK_TRUSTED_PROXIES": "127.0.0.1"}
    with (
        plumbing.receiver() as receiver,
        plumbing.installation(path / "installation", *names, module="tests.fuzz.inside", **trusted) as running,
    ):
        _furnish(running, receiver)
        variables = {
            "CROSSDOCK_FUZZED": running.address,
            "CROSSDOCK_FUZZER_EMAIL": plumbing.EMAIL,
            "CROSSDOCK_FUZZER_PASSWORD": plumbing.PASSWORD,
            "CROSSDOCK_FUZZ_RECEIVER": receiver,
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "PYTHONPATH": str(plumbing.ROOT),
        }
        yield Target(running.address, path, variables)


def _stateful(target: Target) -> Iterator[list[str]]:
    """Sequences of calls, of one part of the API after the other: of all together few lead anywhere."""
    document = httpx.get(f"{target.address}{DOCUMENT}").raise_for_status().json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for tag in document["tags"]:
        within = {operation["operationId"]: operation for operation in operations if tag["name"] in operation["tags"]}
        answers = [answer for operation in within.values() for answer in operation["responses"].values()]
        if any(link["operationId"] in within for answer in answers for link in answer.get("links", {}).values()):
            yield ["--phases", "stateful", "--include-tag", tag["name"]]


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
