"""``approvals`` and ``jobs resolve`` as a person meets them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.shop import APPROVED, KEYLESS, Shop

Af = Callable[..., "object"]


@pytest.fixture
def waiting(af: Af, tmp_path: Path) -> str:
    """A job that waits for the approval of one call; the approval's id."""
    Shop(tmp_path, f"{APPROVED}, preview=lambda order_id, amount: {{'pays': amount}}")
    ran = af("run")
    assert ran.code == 3, ran.out + ran.err
    assert "waits for approval of refund by agent clerk, until " in ran.out
    [approval] = json.loads(af("approvals", "list", "--json").out)
    assert ran.out.rstrip().endswith(f"next: agent-framework approvals show {approval['id']}")
    return str(approval["id"])


def test_what_waits_is_listed_shown_and_approved(af: Af, waiting: str, tmp_path: Path) -> None:
    assert f"{waiting}  refund by agent clerk" in af("approvals", "list").out
    shown = af("approvals", "show", waiting)
    assert '"order_id": "o-1"' in shown.out
    assert '"pays": 5' in shown.out
    approved = af("approvals", "approve", waiting, "--by", "kim", "--reason", "fine")
    job_id = json.loads(af("approvals", "show", waiting, "--json").out)["job_id"]
    assert approved.out.splitlines()[-1].startswith(f"next: agent-framework run --resume {job_id}")
    ran = af("run", "--resume", job_id)
    assert ran.code == 0
    assert "refund approved by kim: fine" in ran.out
    assert len(Shop(tmp_path, APPROVED).effects) == 1
    assert af("approvals", "list").out == "nothing waits for approval\n"
    assert f"{waiting}  refund by agent clerk  approved" in af("approvals", "list", "--all").out
    assert "approve by kim (fine): done" in af("approvals", "show", waiting).out


def test_a_rejection_needs_a_reason_and_the_job_goes_on(af: Af, waiting: str, tmp_path: Path) -> None:
    assert af("approvals", "reject", waiting).code == 2
    rejected = json.loads(af("approvals", "reject", waiting, "--reason", "wrong", "--by", "kim", "--json").out)
    assert (rejected["state"], rejected["reason"]) == ("rejected", "wrong")
    ran = json.loads(af("run", "--resume", rejected["job_id"], "--json").out)
    assert "rejected by kim: wrong. It was not made." in ran["results"]["clerk"]["result"]
    assert Shop(tmp_path, APPROVED).effects == []


def test_jobs_show_tells_what_a_job_waits_for(af: Af, waiting: str) -> None:
    [job] = json.loads(af("jobs", "list", "--status", "waiting_for_approval", "--json").out)
    shown = af("jobs", "show", job["job_id"]).out
    assert "waiting: clerk for approval" in shown
    assert f"next: agent-framework approvals show {waiting}" in shown
    [asked] = json.loads(af("jobs", "show", job["job_id"], "--json").out)["waits_for"]
    assert asked["id"] == waiting


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("approve", "0" * 20), "there is no approval '00000000000000000000'"),
        (("approve", "../x"), "there is no approval '../x'"),
        (("approve", "{id}", "--shown", "of others"), "are not the ones that were shown; look at it again"),
        (("approve", "{id}", "--by", ""), "a decision needs a name"),
        (("show", "nothing"), "there is no approval 'nothing'"),
    ],
)
def test_misuse_is_refused_with_one_message(af: Af, waiting: str, arguments: tuple[str, ...], words: str) -> None:
    ran = af("approvals", *(argument.format(id=waiting) for argument in arguments))
    assert (ran.code, words in ran.err) == (1, True), ran.err
    assert "Traceback" not in ran.err
    assert waiting in af("approvals", "list").out


def test_resolve_refuses_what_is_not_to_be_settled(af: Af, tmp_path: Path) -> None:
    Shop(tmp_path, KEYLESS)
    job_id = json.loads(af("run", "--json").out)["job_id"]
    assert af("jobs", "resolve", job_id, "--effect", "x").code == 2
    ran = af("jobs", "resolve", job_id, "--effect", "x", "--done")
    assert (ran.code, "only the writes of a job that needs_review are settled" in ran.err) == (1, True)
    assert af("jobs", "resolve", job_id, "--effect", "x", "--not-done", "--result", "paid").code == 2
    [write] = json.loads(af("jobs", "show", job_id, "--json").out)["writes"]
    assert (write["state"], write["tool"], write["arguments"]) == (
        "done",
        "refund",
        'order_id="o-1", amount=5, request=""',
    )


def test_validate_finds_names_that_do_not_exist(af: Af, tmp_path: Path) -> None:
    Shop(tmp_path, KEYLESS)
    text = (tmp_path / "agents.yaml").read_text("utf-8").replace('"retry"', '"needs_approval": ["pay"], "retry"', 1)
    (tmp_path / "agents.yaml").write_text(f'{text}approvals: {{on_approval: "backend.nowhere:tell"}}\n', "utf-8")
    ran = af("validate")
    assert ran.code == 1
    assert "agents.clerk.needs_approval.0: backend.agents.clerk.agent defines no tool 'pay'" in ran.out + ran.err
    assert "approvals.on_approval: backend.nowhere in" in ran.out + ran.err
