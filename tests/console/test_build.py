"""When the front end is built anew, and what is done to what was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import build


def _tree(root: Path) -> None:
    for name, text in {"rxconfig.py": "1", "requirements.lock": "1", "console/page.py": "1", "assets/console.css": "1"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "changed", ["rxconfig.py", "requirements.lock", "console/page.py", "assets/console.css", "reflex.lock/package-lock.json"]
)
def test_a_change_of_any_input_asks_for_a_build(tmp_path: Path, changed: str) -> None:
    _tree(tmp_path)
    before = build.inputs_hash(tmp_path)
    (tmp_path / changed).parent.mkdir(exist_ok=True)
    (tmp_path / changed).write_text("2")
    assert build.inputs_hash(tmp_path) != before


def test_what_python_caches_is_no_input(tmp_path: Path) -> None:
    _tree(tmp_path)
    before = build.inputs_hash(tmp_path)
    (tmp_path / "console/__pycache__").mkdir()
    (tmp_path / "console/__pycache__/page.pyc").write_text("x")
    assert build.inputs_hash(tmp_path) == before


def test_what_is_built_is_current_until_an_input_changes(tmp_path: Path) -> None:
    _tree(tmp_path)
    (tmp_path / ".web/build/client").mkdir(parents=True)
    (tmp_path / ".web/build/client/index.html").write_text("<html>")
    (tmp_path / ".web/crossdock.inputs").write_text(build.inputs_hash(tmp_path))
    assert build.is_current(tmp_path)
    (tmp_path / "console/page.py").write_text("2")
    assert not build.is_current(tmp_path)


def test_the_servers_address_becomes_that_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    file = tmp_path / "assets/reflex-env-x.js"
    file.write_text(f'var e={{PING:"http://{build.PLACEHOLDER}/ping",EVENT:`ws://{build.PLACEHOLDER}/_event`}};export{{e as t}};')
    file.with_name(file.name + ".gz").write_text("old")
    assert build.point_at_own_origin(tmp_path) == 1
    assert (
        file.read_text() == "var e={PING:(location.origin+`/ping`),EVENT:(location.origin.replace(/^http/,`ws`)+`/_event`)};export{e as t};"
    )
    assert not file.with_name(file.name + ".gz").exists()


def test_a_build_without_that_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match="0 files"):
        build.point_at_own_origin(tmp_path)


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (build.ROOT / "reflex.lock/package-lock.json").read_text()


def test_the_manifest_is_written_in_one_order_whatever_the_framework_did(tmp_path: Path):
    manifest = tmp_path / "package.json"
    manifest.write_text('{"b":1,"a":{"d":2,"c":3}}')
    build.settle_manifest(manifest)
    assert manifest.read_text() == '{\n  "a": {\n    "c": 3,\n    "d": 2\n  },\n  "b": 1\n}\n'
