"""What a provider's file in the catalogue may say, typed. Templates hold `{name}` or `{name|default}`; pure."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

CATEGORIES: Final = (
    "communication",
    "calendar",
    "email",
    "crm",
    "accounting",
    "payments",
    "analytics",
    "marketing",
    "design",
    "automation",
    "delivery",
    "custom",
)
Certainty = Literal["checked", "documented", "reported", "unknown"]
Template = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FormField(_Part):
    """One thing to be entered. A secret one is encrypted, wherever it was sent; `options` are the values it may have."""

    name: Name
    label: str
    help: str = ""
    secret: bool = False
    required: bool = True
    pattern: str | None = None
    example: str = ""
    options: tuple[str, ...] = ()
    default: str | None = None
    older: tuple[str, ...] = ()  # further names by which it may be sent


class Scope(_Part):
    """A right that is asked for, and what it is for."""

    name: str
    reason: str
    optional: bool = False


class Call(_Part):
    """A request to the provider. A member whose whole template names something that is not known is left out."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Template
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    form: dict[str, str] | None = None
    json_body: Any = Field(default=None, alias="json")
    basic: tuple[str, str] | None = None


class Capture(_Part):
    """Something that the provider tells while connecting and that later calls need; it must match `pattern` whole."""

    name: Name
    source: Literal["redirect", "token", "call"]
    path: str
    pattern: str
    call: Call | None = None  # where `source` is call
    required: bool = True


class Refresh(_Part):
    """How tokens stay alive: `rotating` (each refresh token works once), `stable`, `remint` (client credentials again), `never`."""

    kind: Literal["rotating", "stable", "remint", "never"]
    access_seconds: int | None = None  # where the token answer does not say it
    refresh_seconds: int | None = None
    note: str = ""


class Revocation(_Part):
    """How a grant ends at the provider: a call, or what a person does there."""

    call: Call | None = None
    ok: tuple[int, ...] = (200, 204)
    by_hand: str = ""
    link: str = ""


class OAuth(_Part):
    """The OAuth 2.0 side of a provider."""

    grant: Literal["authorization_code", "client_credentials"] = "authorization_code"
    authorization_url: str = ""
    token_url: Template
    issuer: str | None = None
    scopes: tuple[Scope, ...] = ()
    separator: str = " "
    pkce: bool = True
    client_auth: Literal["basic", "body", "form"] = "body"  # form: nothing but `token_form` says who asks
    token_form: dict[str, str] = {}
    parameters: dict[str, str] = {}
    iss_required: bool = False
    own_client: bool = False  # the client is this installation's own and needs no entering
    captures: tuple[Capture, ...] = ()
    refresh: Refresh
    revocation: Revocation


class Expectation(_Part):
    """What an answer must be beyond its status: at `path` something, or one of these values."""

    status: tuple[int, ...] = (200,)
    path: str | None = None
    equals: tuple[Any, ...] = ()
    text: tuple[str, ...] = ()  # the whole body is one of these


class Identity(_Part):
    """Where an answer names the account: the first path of each that leads to something."""

    id: tuple[str, ...] = ()
    name: tuple[str, ...] = ()


class Test(_Part):
    """The cheap authenticated call. Without one, getting a token is the test."""

    call: Call | None = None
    expect: Expectation = Expectation()
    account: Identity = Identity()


class Auth(_Part):
    """One way to authenticate. `headers`, `query` and `basic` go with every call to the provider."""

    id: Name
    kind: Literal["oauth2", "client_credentials", "api_key", "basic", "webhook_url"]
    label: str
    fields: tuple[FormField, ...] = ()
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    basic: tuple[str, str] | None = None
    oauth: OAuth | None = None
    test: Test
    by_hand: str = ""  # how a key is revoked where we cannot

    @property
    def signs_in(self) -> bool:
        """Whether a person allows the access at the provider."""
        return self.oauth is not None and self.oauth.grant == "authorization_code"


class Paging(_Part):
    """How the next page is asked for; its place is the variable `{page}` of the sync's call."""

    kind: Literal["none", "cursor", "link", "page", "offset", "last_id"] = "none"
    next: str = ""  # path of the cursor, of the link
    more: str = ""  # path of a flag that must be true for a further page
    total: str = ""  # path of the number of items, or of pages where kind is page
    first: int = 1
    size: int = 100


class Incremental(_Part):
    """How a later sync asks for what changed only. The place is `{since}` of the call, or `{token}`.

    `compare` reads everything and stores what differs; `since` sends a time; `token` sends what the last page gave; `link` calls the
    address that the last page gave; `newest_first` stops at the newest item of the time before.
    """

    kind: Literal["compare", "since", "token", "link", "newest_first"] = "compare"
    format: Literal["rfc3339", "unix", "date", "http", "datetime"] = "rfc3339"
    overlap_seconds: int = 300
    first_days: int | None = None  # how far back the first sync reaches; None: everything
    most_days: int | None = None  # the provider keeps no more
    path: str = ""  # of the token or link in the last page, or of the moment in an item
    start: Call | None = None  # asked for a token before a full sync, where pages give none
    start_path: str = ""
    call: Call | None = None  # instead of the sync's, once there is a token
    items: str | None = None
    id: str | None = None
    gone: tuple[int, ...] = (410,)  # the place is no longer known: everything is read again


class Column(_Part):
    """A field of the module into which items go."""

    name: Name
    label: str
    source: str
    type: Literal["text", "number", "boolean", "date", "datetime", "email", "url", "phone", "json"] = "text"
    pii: bool = False
    read_only: bool = False  # the provider makes it; it is never written


class Removal(_Part):
    """How a pull learns what the provider has removed: by a flag in an item, or by a list of its own.

    The flag at `path` is one of `equals`, or merely there where that is empty. The list is asked for after everything else.
    """

    path: str = ""
    equals: tuple[Any, ...] = ()
    call: Call | None = None
    items: str = ""
    id: tuple[str, ...] = ()
    paging: Paging = Paging()


class Sync(_Part):
    """What is brought, and into which module; where the workspace has one of that name it is used, else it is made."""

    resource: Name
    label: str
    module: Name
    call: Call
    items: str = ""
    id: tuple[str, ...]  # paths that name an item together
    format: Literal["json", "jsonl"] = "json"
    columns: tuple[Column, ...]
    match: str | None = None  # the column by which a record that is there already is known
    paging: Paging = Paging()
    incremental: Incremental = Incremental()
    removal: Removal | None = None


class Write(_Part):
    """One call of several by which a record is made. `gives` are paths of its answer, by the variable that later calls name."""

    call: Call
    gives: dict[str, str] = {}
    unless: str = ""  # left out where this variable is known


class Find(_Part):
    """How an item that is there already is found, by `{match}` or `{record_id}`; an answer with a status of `none` has none."""

    call: Call
    id: str
    none: tuple[int, ...] = (404,)


class Push(_Part):
    """How records are written to the provider.

    Its calls name columns as variables; what is not to be written is not known to them. Beside these there are `external_id` and
    `match_in_path`, which fit into an address, `match`, and `match_quoted` with a backslash before quotes.
    """

    resource: Name  # where it is that of the sync, both know the same items
    label: str
    module: Name
    columns: tuple[Column, ...] = ()  # of the sync, where empty
    create: tuple[Write, ...]  # one of them gives `id`
    update: Call | None = None
    find: Find | None = None
    match: str = ""  # the column by which an item is found that is there already
    required: tuple[str, ...] = ()
    defaults: dict[str, tuple[str, ...]] = {}  # of a new item, for a column without a value: the first that can be filled
    fixed: tuple[str, ...] = ()  # cannot be changed once the item is there
    minor: dict[str, str] = {}  # amounts in the smallest unit of the currency that another column names
    unix: tuple[str, ...] = ()  # dates as seconds since 1970
    lower: tuple[str, ...] = ()  # in lower case
    empty: Literal["null", "text"] = "null"  # how a value is taken away
    idempotency: str = ""  # the header whose value makes a repeated call safe
    done: Expectation = Expectation(status=())  # what an answer must hold beyond a good status
    scope: str = ""
    auth: tuple[str, ...] = ()  # ways to authenticate that may write; all, where empty


class Faults(_Part):
    """How this provider tells of failure where a status does not: words at `path` of a body, whatever its status."""

    path: str = "error"
    ended: tuple[str, ...] = ()  # the connection is over
    busy: tuple[str, ...] = ()  # ask again later
    scope: tuple[str, ...] = ()  # a scope is missing
    message: tuple[str, ...] = ("error_description", "message", "error.message", "detail")


class Entry(_Part):
    """A provider."""

    id: Name
    name: str
    description: str
    categories: tuple[str, ...]
    docs: str
    setup: tuple[str, ...] = ()
    auth: tuple[Auth, ...]
    sync: Sync | None = None
    sync_missing: str = ""  # why there is none
    push: Push | None = None
    actions: dict[str, Call] = {}
    faults: Faults = Faults()
    per_second: float = 5.0
    certainty: dict[str, Certainty]
    notes: tuple[str, ...] = ()

    def auth_of(self, identifier: str) -> Auth:
        """The way to authenticate with this id. Raises `KeyError`."""
        return {each.id: each for each in self.auth}[identifier]
