"""Ids sort by the order in which they are made, and no two processes make the same."""

from __future__ import annotations

import os

from backend.core import ids


def test_ids_of_a_process_increase_strictly():
    made = [ids.new("evt") for _ in range(2000)]
    assert made == sorted(set(made))
    assert all(ids.is_id(each, "evt") for each in made)


def test_a_forked_process_does_not_make_what_its_parent_makes():
    ids.new("evt")  # so that randomness is in stock when the process is forked
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "".join(ids.new("evt")[-12:] for _ in range(50)).encode())
        os._exit(0)
    own = {ids.new("evt")[-12:] for _ in range(50)}
    os.waitpid(child, 0)
    told = os.read(reading, 600).decode()
    os.close(reading)
    os.close(writing)
    theirs = {told[start : start + 12] for start in range(0, 600, 12)}  # the last 12 characters are random
    assert len(own) == len(theirs) == 50
    assert not own & theirs
