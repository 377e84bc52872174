"""Fills a database with finished and waiting deliveries by bulk SQL. `stock FINISHED WAITING`; DATABASE_URL is migrated by it.

Ten webhooks: the first is throttled and owns 90 % of what waits, the others share the rest. Every finished delivery has its
event, its attempt and what went out and came back.
"""

from __future__ import annotations

import sys
from typing import Final

from sqlalchemy import Connection

from backend.core import db
from tests.bench.processes import fill
from tests.factories import deliveries as make

WEBHOOKS: Final = 10
RATE: Final = 10.0  # deliveries per second of the throttled one
_OUT: Final = (
    '{"Content-Type": "application/json", "User-Agent": "Crossdock/0", "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVl"}'
)
_IN: Final = '[["Content-Type", "text/plain"], ["Content-Length", "2"]]'

# `{i}` is a row's number and `{id}` the same as the end of an id; what is older than today sorts before what is made now.
_EVENT: Final = """INSERT INTO event (id, created_at, workspace_id, type, occurred_at, body, kind, actor_kind, actor_id, webhooks_revision,
    deliveries, skips, trace_id)
    SELECT 'evt_' || {id}, {past}, :workspace, 'order.created', {past},
    '{{"id":"evt_' || {id} || '","event":"order.created","type":"order.created","data":{{"order_id":"' || {i} || '","total":17}}}}',
    'event', 'system', 'system', 1, 1, {empty}, 'trc_' || {id} FROM {numbers}"""
_DELIVERY: Final = """INSERT INTO delivery (id, created_at, workspace_id, event_id, webhook_id, event_type, kind, status, attempt_count,
    failure_count, max_attempts, due_at, trigger, last_status_code, duration_ms, last_attempt_at, finished_at, delivered_at, trace_id)
    SELECT 'dlv_' || {id}, {past}, :workspace, 'evt_' || {id}, (SELECT id FROM stock_webhook WHERE n = {owner}), 'order.created', 'event',
    {columns}, 'trc_' || {id} FROM {numbers}"""
_FINISHED: Final = "'delivered', 1, 0, 10, NULL, 'event', 200, 12.5, {past}, {past}, {past}"
_WAITING: Final = "'waiting', 0, 0, 10, {past}, 'event', NULL, NULL, NULL, NULL, NULL"
_ATTEMPT: Final = """INSERT INTO attempt (id, created_at, workspace_id, delivery_id, event_id, webhook_id, number, trigger, outcome, url,
    status_code, address, started_at, connect_ms, first_byte_ms, total_ms)
    SELECT 'att_' || {id}, {past}, :workspace, 'dlv_' || {id}, 'evt_' || {id}, (SELECT id FROM stock_webhook WHERE n = {owner}), 1, 'event',
    'delivered', 'http://127.0.0.1:9/hook', 200, '127.0.0.1', {past}, 1.5, 12.0, 12.5 FROM {numbers}"""
_BODY: Final = """INSERT INTO attempt_body (attempt_id, workspace_id, request_headers, response_headers, response_body, response_encoding,
    response_truncated)
    SELECT 'att_' || {id}, :workspace, {out}, {back}, 'ok', 'text', {no} FROM {numbers}"""


def fill_tables(connection: Connection, workspace_id: str, finished: int, waiting: int) -> None:
    """Insert the rows: numbers below `finished` are finished, the `waiting` ones after them are due since long."""
    sqlite = connection.dialect.name == "sqlite"
    numbers = (
        "(WITH RECURSIVE n(i) AS (SELECT {a} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {b}) SELECT i FROM n) AS n"
        if sqlite
        else "generate_series({a}, {b} - 1) AS n(i)"
    )
    words = {
        "i": "n.i",
        "id": "'00' || printf('%024d', n.i)" if sqlite else "'00' || lpad(n.i::text, 24, '0')",
        "past": "'2026-01-01 00:00:00.000000'" if sqlite else "timestamptz '2026-01-01 00:00:00+00'",
        "empty": "'[]'" if sqlite else "'[]'::jsonb",
        "out": f"'{_OUT}'" if sqlite else f"'{_OUT}'::jsonb",
        "back": f"'{_IN}'" if sqlite else f"'{_IN}'::jsonb",
        "no": "0" if sqlite else "false",
    }
    turn = f"n.i % {WEBHOOKS}"
    # Nine of ten that wait belong to the first.
    owners = {_FINISHED: turn, _WAITING: f"CASE WHEN {turn} < 9 THEN 0 ELSE 1 + n.i / {WEBHOOKS} % {WEBHOOKS - 1} END"}

    def run(statement: str, first: int, last: int, **more: str) -> None:
        span = numbers.format(a=first, b=last)
        text = statement.format(**words, numbers=span, **more)
        mark = "?" if sqlite else "%s"
        text = text if sqlite else text.replace("%", "%%")
        parameters = (workspace_id,) * text.count(":workspace")
        connection.exec_driver_sql(text.replace(":workspace", mark), parameters)

    run(_EVENT, 0, finished + waiting)
    for columns, first, last in ((_FINISHED, 0, finished), (_WAITING, finished, finished + waiting)):
        run(_DELIVERY, first, last, owner=owners[columns], columns=columns.format(**words))
    run(_ATTEMPT, 0, finished, owner=turn)
    run(_BODY, 0, finished)


def main(finished: int, waiting: int) -> None:
    """Make the webhooks, fill the tables, and say to the lanes what is due."""
    fill.open_database()
    workspace_id = make.workspace()
    webhooks = [make.webhook(workspace_id, "http://127.0.0.1:9/hook", rate_limit=RATE if n == 0 else None) for n in range(WEBHOOKS)]
    with db.transaction(write=True) as session:
        connection = session.connection()
        connection.exec_driver_sql("CREATE TEMPORARY TABLE stock_webhook (n integer PRIMARY KEY, id text)")
        for number, webhook in enumerate(webhooks):
            connection.exec_driver_sql(f"INSERT INTO stock_webhook VALUES ({number}, '{webhook.id}')")  # noqa: S608 - ours
        fill_tables(connection, workspace_id, finished, waiting)
        connection.exec_driver_sql("UPDATE lane SET due_at = served_at")
        connection.exec_driver_sql("DROP TABLE stock_webhook")
    if not db.database().is_sqlite:
        with db.database().writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as its own daemon does soon after
    sys.stdout.write("{}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
