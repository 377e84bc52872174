"""The page on which a person allows or denies at the sandbox. Plain HTML; works without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import urlsplit

from backend.sandbox.service import PERSONS

_REASONS: Final = {
    "profile": "see which account is connected",
    "contacts.read": "read contacts",
    "contacts.write": "make, change and delete contacts",
    "calendar": "read and create events",
    "messages": "read and send messages",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1c2024;background:#fff}"
    "h1{font-size:1.25rem}button{font:inherit;padding:.5rem 1.25rem;margin-right:.5rem;border-radius:.4rem;border:1px solid #60646c;"
    "background:#fff;color:inherit;cursor:pointer}button.allow{background:#0d74ce;border-color:#0d74ce;color:#fff}"
    "label{display:block;margin:.25rem 0}small{color:#60646c}"
    "@media(prefers-color-scheme:dark){body{background:#111113;color:#edeef0}button{background:#18191b}small{color:#b0b4ba}}"
)


def consent(fields: Mapping[str, str], scopes: Sequence[str]) -> str:
    """The page that asks."""
    hidden = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items())
    people = "".join(
        f'<label><input type="radio" name="person" value="{name}"{" checked" if index == 0 else ""}> {escape(full)}'
        f" <small>{name}@sandbox.example</small></label>"
        for index, (name, full) in enumerate(PERSONS.items())
    )
    wanted = "".join(f"<li>{escape(_REASONS.get(scope, scope))} <small>{escape(scope)}</small></li>" for scope in scopes)
    return _page(
        "Allow Crossdock to use your sandbox account?",
        f'<form method="post" action="/sandbox/oauth/authorize">{hidden}<fieldset><legend>Account</legend>{people}</fieldset>'
        f"<p>It will be able to:</p><ul>{wanted}</ul>"
        '<p><button class="allow" name="answer" value="allow">Allow</button><button name="answer" value="deny">Deny</button></p></form>'
        "<p><small>The sandbox is a part of this installation. Nothing in it is real.</small></p>",
    )


def refusal(sentence: str) -> str:
    """The page for a request that is not answered by a redirect."""
    return _page("This request cannot be answered", f"<p>{escape(sentence)}</p>")


def policy(redirect_uri: str) -> str:
    """The content security policy: nothing but our style, and the form with where it leads."""
    target = urlsplit(redirect_uri)
    origin = f" {target.scheme}://{target.netloc}" if target.netloc else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'{origin}; frame-ancestors 'none'; base-uri 'none'"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
