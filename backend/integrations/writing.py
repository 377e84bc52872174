"""Writes one record to a provider: finds what is there already, makes it, or changes it. Touches no table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import quote

from backend.core import clock, lifecycle
from backend.core.egress_calls import Caller, Reply
from backend.integrations import calls, failures, refreshing, templates
from backend.integrations.connection import Connection
from backend.integrations.entry import Call, Push
from backend.integrations.failures import Kind, ProviderFailed

# ISO 4217: currencies whose smallest unit is not a hundredth.
_WHOLE: Final = frozenset({"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"})
_THOUSANDTHS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_TAKEN: Final = 409
_MONTH: Final = timedelta(days=30)


class Unfit(Exception):
    """A record cannot be written, for a reason in its values; the others can."""


class Gone(Exception):
    """The provider has the item no longer."""


class Pace:
    """Lets no call go out sooner after the one before than the provider allows."""

    def __init__(self, per_second: float) -> None:
        self._gap, self._at = 1 / per_second, 0.0

    def wait(self) -> None:
        """Wait for the next moment at which one may go."""
        lifecycle.wait(max(0.0, self._at + self._gap - time.monotonic()))
        self._at = time.monotonic()


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to one provider, over one client. `values` are by column; what is left out is left alone, `None` empties."""

    found: Connection
    push: Push
    caller: Caller
    pace: Pace

    def find(self, record_id: str, values: Mapping[str, Any]) -> str | None:
        """The id of the item that a record is already; None if there is none. Raises `ProviderFailed`."""
        way, match = self.push.find, values.get(self.push.match)
        if way is None or (self.push.match and match in (None, "")):
            return None
        reply = self._ask(way.call, {"record_id": record_id, **_matching(match)}, fine=way.none)
        return templates.dig_first(reply.json(), (way.id,)) or None if reply.is_ok else None

    def create(self, record_id: str, key: str, values: Mapping[str, Any], *, external_id: str = "") -> str:
        """Make an item, once however often it is called with this key; its id. Raises `Unfit`, `ProviderFailed`.

        `external_id` is that of one that was begun, whose further calls may not have been made.
        """
        sent = self._prepared(values, is_new=True)
        known: dict[str, Any] = {"record_id": record_id, "id": external_id, **_matching(values.get(self.push.match)), **sent}
        for number, write in enumerate(self.push.create):
            if write.unless and known.get(write.unless):
                continue
            reply = self._ask(write.call, known, key=f"{key}-{number}", fine=(_TAKEN,) if self.push.find else ())
            if reply.status == _TAKEN:  # made by somebody else between our look and now
                return self.find(record_id, values) or self._refuse(reply)
            document = reply.json()
            known |= {name: told for name, path in write.gives.items() if (told := templates.dig_first(document, (path,)))}
        if not known.get("id"):
            raise failures.failed(Kind.ANSWER, f"{self.found.entry.name} took the record, but did not say its id.")
        return str(known["id"])

    def update(self, external_id: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Change what is given of an item. Raises `Unfit`, `Gone`, `ProviderFailed`."""
        fixed = sorted(set(values) & set(self.push.fixed))
        if fixed or self.push.update is None:
            told = " and ".join(fixed) or "What is there already"
            raise Unfit(f"{told} cannot be changed at {self.found.entry.name} from here. Change it there.")
        known = {"record_id": record_id, "external_id": quote(external_id, safe=""), **self._prepared(values, is_new=False)}
        reply = self._ask(self.push.update, known, fine=(404, 410))
        if not reply.is_ok:
            raise Gone

    def _prepared(self, values: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
        """The values as the provider writes them."""
        sent = {name: templates.EMPTY if value in (None, "") else value for name, value in values.items()}
        if is_new:
            sent = {name: value for name, value in sent.items() if value != templates.EMPTY}
            helping = {**sent, "in_30_days": (clock.now() + _MONTH).date().isoformat()}
            for name, ways in self.push.defaults.items():
                told = next((text for way in ways if name not in sent and (text := templates.optional(way, helping))), None)
                sent |= {name: told} if told else {}
            missing = [name for name in self.push.required if name not in sent]
            if missing:
                raise Unfit(f"{self.found.entry.name} needs {' and '.join(missing)}, which the record does not have.")
        for name, currency in self.push.minor.items():
            if sent.get(name, templates.EMPTY) != templates.EMPTY:
                sent[name] = in_minor_units(sent[name], str(values.get(currency) or ""))
        sent |= {name: str(sent[name]).lower() for name in self.push.lower if name in sent}
        for name in self.push.unix:
            if sent.get(name, templates.EMPTY) != templates.EMPTY:
                sent[name] = _unix(name, str(sent[name]))
        return sent

    def _ask(self, call: Call, known: Mapping[str, Any], *, key: str = "", fine: tuple[int, ...] = ()) -> Reply:
        push, entry = self.push, self.found.entry
        if key and push.idempotency and call.method == "POST":
            call = call.model_copy(update={"headers": {**call.headers, push.idempotency: key}})

        def ask(one: Connection) -> Reply:
            self.pace.wait()
            reply = calls.ask(one, call, self.caller, values=known, emptied="" if push.empty == "text" else None)
            if reply.status in fine:
                return reply
            wrong = failures.of_answer(entry, reply) or self._unfinished(call, reply)
            if wrong is not None:
                raise ProviderFailed(one.scrubbed(wrong))
            return reply

        return calls.retrying(self.found, ask, refreshing.again)

    def _unfinished(self, call: Call, reply: Reply) -> ProviderFailed | None:
        """An answer of a write that says by its body that it was not done."""
        done = self.push.done
        if call.method == "GET" or done.path is None or templates.dig(reply.json(), done.path) in done.equals:
            return None
        said = templates.dig_first(reply.json(), self.found.entry.faults.message)
        return failures.failed(Kind.REJECTED, f"{self.found.entry.name} did not take the record: {said or 'no reason given'}.")

    def _refuse(self, reply: Reply) -> str:
        raise failures.of_answer(self.found.entry, reply) or failures.failed(Kind.REJECTED, "It is there already.")


def is_of_record(error: ProviderFailed) -> bool:
    """Whether a failure is about the one record that was sent, so that the next may go."""
    return error.failure.kind in {Kind.REJECTED, Kind.NOT_FOUND}


def in_minor_units(amount: Any, currency: str) -> int:
    """An amount in the smallest unit of its currency, as payment providers count: 12.5 EUR is 1250. Raises `Unfit`."""
    code = currency.upper()
    digits = 0 if code in _WHOLE else 3 if code in _THOUSANDTHS else 2
    try:
        exact = Decimal(str(amount)).scaleb(digits)
    except InvalidOperation:
        raise Unfit(f"{amount!r} is no amount.") from None
    if exact != exact.to_integral_value():
        raise Unfit(f"{amount} has more digits than {code or 'its currency'} has.")
    return int(exact)


def _matching(match: Any) -> dict[str, Any]:
    if match in (None, ""):
        return {}
    text = str(match)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return {"match": text, "match_quoted": quoted, "match_in_path": quote(text, safe="")}


def _unix(name: str, text: str) -> int:
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        raise Unfit(f"{name} is no date.") from None
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp())
