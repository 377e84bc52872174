"""Benchmarks of records: a page of contacts against a bare route, and lists of a million records against ten thousand."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.bench import plumbing, reading
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

READERS = 32
_CONTACTS = 60
_PATH = "/api/v1/records/contacts"


def records(sizes: Sizes) -> Iterator[Line]:
    """32 readers of the newest 50 contacts: authenticated, limited, logged; and a bare FastAPI route that encodes the same."""
    with plumbing.folder() as path, plumbing.databases(sizes.rounds) as databases:
        for name, addresses in databases.items():
            runs = [_round(path / f"{name}{number}", address, sizes.publishing_seconds) for number, address in enumerate(addresses)]
            yield from _lines(f"records.{name}", runs)


def record_lists(sizes: Sizes) -> Iterator[Line]:
    """A page from the middle of each kind of list: all, by a value, sorted, by a range, searched; of few records and of many."""
    few, many = sizes.records
    with plumbing.databases(2) as databases, plumbing.folder() as path:
        for name, (small, large) in databases.items():
            small_env, large_env = ({"DATABASE_URL": url, "CROSSDOCK_DATA_DIR": str(path)} for url in (small, large))
            small_id = plumbing.run("record_stock", few, **small_env)["workspace"]
            large_id = plumbing.run("record_stock", many, **large_env)["workspace"]
            runs: list[tuple[dict[str, float], dict[str, float]]] = []
            for _ in range(sizes.rounds):
                first = plumbing.run("record_pages", small_id, sizes.turns, **small_env)
                runs.append((first, plumbing.run("record_pages", large_id, sizes.turns, **large_env)))
            for kind in runs[0][0]:
                told = f"50 records of {many:,} ÷ of {few:,}; of the many {statistics.median(b[kind] for _, b in runs):.1f} ms"
                yield Line.of(f"record_lists.{name}.{kind}", [b[kind] / a[kind] for a, b in runs], "many / few", told)


def _lines(prefix: str, runs: list[dict[str, float]]) -> Iterator[Line]:
    def each(key: str) -> list[float]:
        return [run[key] for run in runs]

    yield Line.of(f"{prefix}.rate", each("rate"), "pages per second", f"50 contacts, {READERS} readers, one process")
    yield Line.of(f"{prefix}.bare_rate", each("bare_rate"), "per second", "a bare FastAPI route that encodes the same")
    yield Line.of(f"{prefix}.rate_ratio", [run["rate"] / run["bare_rate"] for run in runs], "ours / bare", "rate")
    yield Line.of(f"{prefix}.cpu_us", each("cpu_us"), "CPU-µs each", "the API process, per page")
    yield Line.of(f"{prefix}.bare_cpu_us", each("bare_cpu_us"), "CPU-µs each", "the bare route's process")
    yield Line.of(f"{prefix}.cpu_ratio", [run["bare_cpu_us"] / run["cpu_us"] for run in runs], "bare / ours", "CPU")


def _round(path: Path, database: str, seconds: float) -> dict[str, float]:
    """One run of each, in fresh processes."""
    with plumbing.installation(path, "api", database=database) as running:
        key, page = _furnish(running)
        process, port = running.processes["api"], int(running.address.rpartition(":")[2])
        ours = reading.read(process, port, _PATH, key, READERS, seconds)
    bare = reading.bare(path, page, READERS, seconds)
    return {"rate": ours["rate"], "cpu_us": ours["cpu_us"], "bare_rate": bare["rate"], "bare_cpu_us": bare["cpu_us"]}


def _furnish(running: plumbing.Installation) -> tuple[str, str]:
    """Contacts; an unlimited key that may read them, and the page that it reads."""
    with running.client() as client:
        client.post("/api/v1/modules/starter-sets/crm/install").raise_for_status()
        for number in range(_CONTACTS):
            body = {
                "firstName": "Ada",
                "lastName": "Byron",
                "email": f"ada.{number}@example.com",
                "phone": "+44 20 7946 0123",
                "companyName": "Acme",
            }
            client.post(_PATH, json=body).raise_for_status()
        wish = {"name": "Reader", "scopes": ["contacts:read"], "rate_limit": {"per_minute": 1_000_000}}
        key = client.post("/api/v1/api-keys", json=wish).raise_for_status().json()["key"]
        page = client.get(_PATH, headers={"Authorization": f"Bearer {key}"}).raise_for_status()
    assert len(json.loads(page.text)["data"]) == 50
    return key, page.text
