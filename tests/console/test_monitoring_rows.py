"""Which keys monitoring shows as near a limit."""

from __future__ import annotations

from backend.api_keys.access import KeyStandings, Standing
from console.pages.monitoring.state import limit_rows


def _key(name: str, *left: tuple[int, int]) -> KeyStandings:
    return KeyStandings(
        name, name, [Standing(f"per_{unit}", limit, remaining, None) for unit, (limit, remaining) in zip("mhd", left, strict=False)]
    )


def test_the_keys_nearest_to_a_limit_come_first_by_their_nearest_one() -> None:
    shown = limit_rows(
        [_key("idle", (100, 100)), _key("some", (100, 90), (1000, 100)), _key("full", (60, 0)), KeyStandings("away", "away", None)]
    )
    assert [(row.name, row.used, row.tone) for row in shown] == [("full", "60 of 60 per m", "red"), ("some", "900 of 1,000 per h", "amber")]
