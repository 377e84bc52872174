"""Runs one process of an installation without the command line's weight: `python -m backend web`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the process that the first argument names."""
    gc.disable()  # what is loaded now stays, and looking through it took a fifth of the start; `process.keep_loaded` begins anew
    name = sys.argv[1]
    if name in {"web", "api"}:
        from backend import server  # noqa: PLC0415 - each process imports only what it runs

        server.run(name)
    elif name in {"deliver", "jobs", "cron"}:
        from backend import worker  # noqa: PLC0415

        {"deliver": worker.deliver, "jobs": worker.jobs, "cron": worker.cron}[name]()
    elif name == "prepare":
        from backend import first_run  # noqa: PLC0415

        first_run.main()
    else:
        sys.exit(f"There is no process {name!r}.")


if __name__ == "__main__":
    main()
