"""A person at the sandbox's consent page, and integrations connected by one."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import parse_qsl, urlsplit

import httpx

from backend.core import db
from backend.core.actor import Actor
from backend.integrations import flows, service
from backend.integrations.flows import Answer, Browser
from backend.integrations.values import Ended, IntegrationInput
from backend.models import Integration


def integration(actor: Actor, provider: str = "sandbox", **given: object) -> Integration:
    """A new integration, committed."""
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, input=dataclasses.replace(IntegrationInput(provider=provider), **given))


def read(row: Integration) -> Integration:
    """The integration as it stands now."""
    with db.transaction() as session:
        return session.get_one(Integration, row.id)


def begin(actor: Actor, row: Integration, *, in_browser: bool = False, redirect_uri: str | None = None) -> str:
    """Where the browser is sent to consent."""
    with db.transaction(write=True) as session:
        begun = service.begin_consent(session, actor=actor, integration_id=row.id, in_browser=in_browser, redirect_uri=redirect_uri)
    return begun.authorization_url


def consent(url: str, answer: str = "allow", person: str = "ada") -> str:
    """What a person does at the sandbox: open the page, choose, press a button; where the browser is sent then."""
    with httpx.Client(timeout=20) as browser:
        page = browser.get(url)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
        form = {name: value.replace("&amp;", "&") for name, value in hidden.items()}
        sent = browser.post(url.partition("?")[0], data={**form, "person": person, "answer": answer})
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


def answer_of(location: str) -> Answer:
    """The answer that a redirect carries."""
    return Answer.of(dict(parse_qsl(urlsplit(location).query)))


def finish(location: str, browser: Browser | None = None) -> Ended:
    """Have the answer of a redirect taken in."""
    return flows.finish_consent(answer=answer_of(location), browser=browser, came_to=location.partition("?")[0])


def connect(actor: Actor, row: Integration | None = None, person: str = "ada") -> Integration:
    """An integration with the sandbox, connected."""
    made = row or integration(actor)
    done = finish(consent(begin(actor, made), person=person))
    assert done.failure is None, done.failure
    return read(made)
