"""A worker that hangs or is asked to stop, in the middle of its deliveries: nothing is lost."""

from __future__ import annotations

import asyncio
import signal

import pytest
from redis import Redis
from sqlmodel import col, func, select

from backend.core import db
from backend.models import Attempt, Delivery
from tests.chaos import workers
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import Received
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("database")
TOTAL = 1000


async def in_a_moment(_received: Received, writer: asyncio.StreamWriter) -> None:
    """Answer after some milliseconds, so that there is a middle."""
    await asyncio.sleep(0.02)
    writer.write(raw_receiver.OK)


def delivered() -> int:
    """How many deliveries are delivered."""
    with db.transaction() as session:
        return session.exec(select(func.count()).where(col(Delivery.status) == "delivered")).one()


# On SQLite a frozen process may hold the one writer's lock, which no other can take from it.
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_worker_that_hangs_is_given_up_and_what_it_held_goes_out_by_another(redis: Redis):
    del redis
    with raw_receiver.running(in_a_moment) as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        make.publish(target, count=300)
        with workers.running("deliver", "cron") as processes:
            eventually(lambda: len(receiver.received) >= 50)
            processes[0].send_signal(signal.SIGSTOP)
            processes.append(workers.start("deliver"))
            eventually(lambda: len(set(receiver.ids())) == 300, seconds=60)
            processes[0].send_signal(signal.SIGCONT)
            eventually(lambda: delivered() == 300, seconds=20)


def test_a_worker_that_is_asked_to_stop_hands_back_what_it_did_not_send(redis: Redis):
    del redis
    with raw_receiver.running(in_a_moment) as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        make.publish(target, count=TOTAL)
        with workers.running("deliver") as processes:
            eventually(lambda: len(receiver.received) >= TOTAL // 3)
            processes[0].terminate()
            assert processes[0].wait(10) == 0
            assert delivered() == len(receiver.received) < TOTAL
            with db.transaction() as session:
                assert session.exec(select(func.count()).where(col(Delivery.run_id).is_not(None))).one() == 0
            processes.append(workers.start("deliver"))
            eventually(lambda: delivered() == TOTAL, seconds=30)
    assert len(receiver.received) == TOTAL
    with db.transaction() as session:
        assert session.exec(select(func.count()).select_from(Attempt)).one() == TOTAL
