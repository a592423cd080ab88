"""A process killed around a write (rows 1 to 3): the write is made once, or a person is asked."""

from pathlib import Path

import pytest

from tests.support.shop import KEYED, KEYLESS, Shop

KILLED = -9
AROUND = ("effect_started", "effect_made", "effect_recorded", "agent_returned")
PAIRS = [(first, second) for first in AROUND[:3] for second in AROUND]


def killed_and_resumed(shop: Shop, *points: str) -> str:
    """Run a job whose processes die at these points, one after the other; its status in the end."""
    assert shop.command("run", crash_at=points[0]).returncode == KILLED
    job_id = shop.job().id
    for point in points[1:]:
        shop.command("run", "--resume", job_id, crash_at=point)
    return str(shop.told("run", "--resume", job_id)["status"])


@pytest.mark.parametrize("point", AROUND)
def test_row_01_02_a_keyed_write_has_one_effect_wherever_its_process_dies(tmp_path: Path, point: str) -> None:
    shop = Shop(tmp_path, KEYED)
    assert killed_and_resumed(shop, point) == "completed"
    assert 1 <= len(shop.effects) <= 2
    assert len({tuple(effect) for effect in shop.effects}) == 1, "the same key again, which the target honours"


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{first}-{second}" for first, second in PAIRS])
def test_row_01_a_keyed_write_has_one_effect_though_two_processes_die(tmp_path: Path, first: str, second: str) -> None:
    shop = Shop(tmp_path, KEYED)
    assert killed_and_resumed(shop, first, second) == "completed"
    assert len({tuple(effect) for effect in shop.effects}) == 1


@pytest.mark.parametrize("point", ["effect_recorded", "agent_returned"])
def test_row_02_a_recorded_write_of_a_keyless_tool_is_not_made_again(tmp_path: Path, point: str) -> None:
    shop = Shop(tmp_path, KEYLESS)
    assert killed_and_resumed(shop, point) == "completed"
    assert len(shop.effects) == 1


@pytest.mark.parametrize("point", ["effect_started", "effect_made"])
def test_row_03_an_interrupted_write_of_a_keyless_tool_needs_review_and_one_command_settles_it(
    tmp_path: Path, point: str
) -> None:
    shop = Shop(tmp_path, KEYLESS)
    made = point == "effect_made"
    assert killed_and_resumed(shop, point) == "needs_review"
    assert len(shop.effects) == int(made), "nobody calls it again"
    job_id = shop.job().id
    shown = shop.command("jobs", "show", job_id).stdout
    assert 'unsettled: refund(order_id="o-1", amount=5' in shown
    [effect] = shop.told("jobs", "show", job_id)["writes"]
    settled = shop.command("jobs", "resolve", job_id, "--effect", effect["id"], "--done" if made else "--not-done")
    assert f"job {job_id} is pending again" in settled.stdout
    assert shop.told("run", "--resume", job_id)["status"] == "completed"
    assert len(shop.effects) == 1
