"""Items that come within the same moment are done together; one that comes alone does not wait for others."""

from __future__ import annotations

import asyncio
import time

from backend.core.committing import Group, GroupCommitter

MANY = 20


def test_whoever_was_just_answered_and_sends_again_is_done_with_the_others() -> None:
    sizes: list[int] = []

    def work(group: Group[int]) -> list[int]:
        group.fill()
        sizes.append(len(group.items))
        time.sleep(0.005)
        return group.items

    async def send_again_and_again(committer: GroupCommitter[int, int]) -> None:
        for number in range(10):
            assert await committer.submit(number) == number
            await asyncio.sleep(0.001)

    async def all_of_them(committer: GroupCommitter[int, int]) -> None:
        await asyncio.gather(*(send_again_and_again(committer) for _ in range(MANY)))

    committer = GroupCommitter[int, int]("test", work, linger=5)
    asyncio.run(all_of_them(committer))
    assert max(sizes) == MANY
    assert len(sizes) < 10 * MANY / 4

    committer.stop()
