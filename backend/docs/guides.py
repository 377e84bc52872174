"""The guides: Markdown in `docs/guides`, served as pages and as they are."""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "guides"
PATH: Final = "/api/docs/guides"
# In the order in which a newcomer needs them.
NAMES: Final = (
    "authentication",
    "errors",
    "limits",
    "idempotency",
    "paging",
    "verifying-signatures",
    "incoming-webhooks",
    "integrations",
    "routes",
)


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide; `title` is its first heading."""

    name: str
    title: str
    markdown: str

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"{PATH}/{self.name}"


@functools.cache
def every() -> tuple[Guide, ...]:
    """All guides, in their order."""
    return tuple(_read(name) for name in NAMES)


def find(name: str) -> Guide | None:
    """A guide by its name."""
    return next((guide for guide in every() if guide.name == name), None)


@functools.cache
def html(guide: Guide) -> str:
    """The guide as HTML; every heading can be linked to. HTML in its Markdown is text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(guide.markdown)
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(_text(inline)))
    return reader.renderer.render(tokens, reader.options, {})


def anchor(heading: str) -> str:
    """What a heading is linked to by: `rate_limited` stays, `Two words` becomes `two-words`."""
    return re.sub(r"[^\w]+", "-", heading.lower()).strip("-")


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())


def _read(name: str) -> Guide:
    markdown = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return Guide(name, markdown.partition("\n")[0].removeprefix("# "), markdown)
