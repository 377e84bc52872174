"""Lists of a module that `record_stock` filled, read by the service. `record_pages WORKSPACE TURNS` prints the median ms of each."""

from __future__ import annotations

import json
import statistics
import sys
import time

from backend.core import actor as actors
from backend.core import db
from backend.records import service as records
from tests.bench.processes import fill

_WARM = 3
LISTS: dict[str, dict[str, str]] = {
    "newest": {},
    "one_value": {"owner": "owner 0000000007"},
    "half": {"status": "open"},
    "sorted": {"sort": "title"},
    "sorted_down": {"sort": "-day"},
    "range_sorted": {"day[gte]": "2045-06-01", "sort": "day"},
    "range": {"day[gte]": "2045-06-01"},
    "both": {"status": "open", "day[lt]": "2045-06-01"},
    "search": {"q": "000000"},
}


def main(workspace_id: str, turns: int) -> None:
    """Read a page from the middle of each list, again and again."""
    fill.open_database()
    taken: dict[str, list[float]] = {}
    following = {name: _next(workspace_id, parameters) for name, parameters in LISTS.items()}
    for turn in range(_WARM + turns):
        for name, parameters in following.items():
            begun = time.perf_counter()
            _read(workspace_id, parameters)
            if turn >= _WARM:
                taken.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
    sys.stdout.write(json.dumps({name: statistics.median(each) for name, each in taken.items()}) + "\n")


def _next(workspace_id: str, parameters: dict[str, str]) -> dict[str, str]:
    """The parameters of the page after the first."""
    cursor = json.loads(_read(workspace_id, parameters))["next_cursor"]
    return parameters | ({"cursor": cursor} if cursor else {})


def _read(workspace_id: str, parameters: dict[str, str]) -> str:
    actor = actors.system(workspace_id)
    with db.transaction() as session:
        quick = records.quick_page(actor=actor, module="items", parameters=list(parameters.items()))
        found = quick(session) if quick is not None else None
        return found or records.page_text(session, actor=actor, module="items", parameters=parameters.items())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
