"""Deciding about approvals: who may, once, in time, about what was shown; and what is on record of everything else."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent_framework import JobStatus, Project
from agent_framework.core.approval import Approval, ApprovalState
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.approvals import MOST_REFUSALS, hashed
from agent_framework.errors import (
    ApprovalChangedError,
    ApprovalError,
    ApprovalExpiredError,
    ApprovalForbiddenError,
    ApprovalNotFoundError,
    ApprovalUsedError,
    ApprovalVoidError,
    ConfigError,
    SchemaVersionError,
)
from agent_framework.types import Document
from tests.support.projects import open_project, write_agent_file

UNKNOWN = "0" * 20
GATED = {"a": {"needs_approval": True}}
HOOK = """
from pathlib import Path

TOLD = Path(__file__).with_name("told.txt")

async def on_approval(approval, link):
    if not TOLD.exists():
        TOLD.touch()
        raise OSError("the mail server is down")
    with TOLD.open("a") as told:
        told.write(f"{approval.id} {link}\\n")
"""


@asynccontextmanager
async def waiting(folder: Path, *, more: str = "") -> AsyncIterator[tuple[Project, Approval]]:
    """A job of kim that waits for the start of its agent."""
    async with open_project(folder, {"a": lambda: {"n": 1}}, settings=GATED, more=more) as project:
        job = await project.run({}, user_id="kim")
        assert job.status is JobStatus.WAITING_FOR_APPROVAL
        [approval] = await project.approvals.of_job(job.id)
        yield project, approval


Test = Callable[[Project, Approval], Awaitable[None]]


def while_waiting(test: Test) -> Callable[[Path], None]:
    """A test about a job that waits."""

    def run(tmp_path: Path) -> None:
        async def work() -> None:
            async with waiting(tmp_path) as (project, approval):
                await test(project, approval)

        asyncio.run(work())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def refusals(project: Project, approval_id: str) -> list[str]:
    return [record["refused"] for record in await project.approvals.history(approval_id) if record["refused"]]


async def refused(project: Project, approval: Approval, error: type[ApprovalError], **options: object) -> None:
    """An attempt that is refused with this error, on record, and changes nothing."""
    before = await project.approvals.get(approval.id)
    with pytest.raises(error):
        await project.approvals.approve(approval.id, by="lee", **options)
    assert await project.approvals.get(approval.id) == before
    assert await refusals(project, approval.id) == [error.__name__]


@while_waiting
async def test_row_33_an_unknown_approval_or_token_is_refused_and_on_record(project, approval) -> None:
    for unknown in (UNKNOWN, "../../etc", "", "x" * 5000):
        with pytest.raises(ApprovalNotFoundError):
            await project.approvals.approve(unknown, by="lee")
    records = await ApprovalStore(project.db).audited("unknown")
    assert [record["refused"] for record in records] == ["ApprovalNotFoundError"] * 4
    await refused(project, approval, ApprovalNotFoundError, token="guessed")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ("unknown", ApprovalNotFoundError),
        ("another's", ApprovalNotFoundError),
        ("used", ApprovalUsedError),
        ("expired", ApprovalExpiredError),
        ("for other arguments", ApprovalChangedError),
    ],
)
def test_row_33_a_wrong_token_is_a_typed_error_on_record_and_changes_nothing(
    tmp_path: Path, wrong: str, error: type[ApprovalError]
) -> None:
    async def work() -> None:
        async with waiting(tmp_path) as (project, approval):
            token, store = await project.approvals.issue_token(approval.id), ApprovalStore(project.db)
            asked = await store.get(approval.id)
            assert asked is not None
            if wrong == "another's":
                await store.add(replace(asked, id="2" * 20, tokens=()))
                token = await project.approvals.issue_token("2" * 20)
            elif wrong == "used":
                await project.approvals.reject(approval.id, by="kim", token=token)
            elif wrong == "expired":
                await store.change(asked, expires_at=asked.created_at + 0.001)
                await project.approvals.get(approval.id)
            elif wrong == "for other arguments":
                await store.change(asked, arguments={"amount": 5000})
            before, job = await store.get(approval.id), await project.jobs.get(approval.job_id)
            for decide in (project.approvals.approve, project.approvals.reject):
                with pytest.raises(error):
                    await decide(approval.id, by="lee", token="guessed" if wrong == "unknown" else token)
            assert (await store.get(approval.id), await project.jobs.get(approval.job_id)) == (before, job)
            records = [r for r in await project.approvals.history(approval.id) if r["refused"]]
            assert [(r["action"], r["by"], r["refused"]) for r in records] == [
                (action, "lee", error.__name__) for action in ("approve", "reject")
            ]
            assert token not in str(records)

    asyncio.run(work())


@while_waiting
async def test_refusals_are_on_record_up_to_a_number(project, approval) -> None:
    for _ in range(MOST_REFUSALS + 2):
        with pytest.raises(ApprovalNotFoundError):
            await project.approvals.opened(approval.id, "guessed")
        with pytest.raises(ApprovalNotFoundError):
            await project.approvals.opened(UNKNOWN, "guessed")
    store = ApprovalStore(project.db)
    assert [len(await store.audited(key)) for key in (approval.id, "unknown")] == [MOST_REFUSALS] * 2


@while_waiting
async def test_row_33_a_used_approval_is_refused_and_on_record(project, approval) -> None:
    await project.approvals.reject(approval.id, by="kim", reason="no")
    await refused(project, approval, ApprovalUsedError)


@while_waiting
async def test_row_33_an_expired_approval_is_refused_and_counts_as_rejected(project, approval) -> None:
    store = ApprovalStore(project.db)
    late = await store.change(approval, expires_at=approval.created_at + 0.001)
    assert late is not None
    with pytest.raises(ApprovalExpiredError, match="counts as rejected"):
        await project.approvals.approve(approval.id, by="lee")
    assert await refusals(project, approval.id) == ["ApprovalExpiredError"]
    job = await project.orchestrator.drive(approval.job_id)
    assert (job.status, job.agent_results) == (JobStatus.COMPLETED, {})


@while_waiting
async def test_row_33_other_arguments_are_refused_and_on_record(project, approval) -> None:
    await refused(project, approval, ApprovalChangedError, shown="of something else")
    changed = await ApprovalStore(project.db).change(approval, arguments={"amount": 5000})
    assert changed is not None
    with pytest.raises(ApprovalChangedError):
        await project.approvals.approve(approval.id, by="lee")


@while_waiting
async def test_row_33_another_users_approval_is_refused_and_on_record(project, approval) -> None:
    await refused(project, approval, ApprovalForbiddenError, user_id="lee")
    with pytest.raises(ApprovalForbiddenError):
        await project.approvals.get(approval.id, user_id="lee")
    assert await project.approvals.list(user_id="lee") == []
    assert [item.id for item in await project.approvals.list(user_id="kim")] == [approval.id]


@while_waiting
async def test_the_newest_that_wait_are_listed_however_many_there_are_and_page_by_page(project, approval) -> None:
    store = ApprovalStore(project.db)
    until = approval.created_at + 1e6

    async def add(n: int) -> None:
        item_id = hashlib.sha256(str(n).encode()).hexdigest()[:20]  # in no order, as ids are
        state = ApprovalState.PENDING if n % 100 == 0 else ApprovalState.REJECTED
        added = replace(approval, id=item_id, created_at=approval.created_at + n, expires_at=until, state=state)
        assert await store.add(added)

    await asyncio.gather(*(add(n) for n in range(1, 1201)))
    newest = await project.approvals.list()
    assert [round(item.created_at - approval.created_at) for item in newest] == list(range(1200, -1, -100))
    pages, after = [], None
    while page := await project.approvals.list(limit=5, after=after):
        pages.append(page)
        after = page[-1].id
    assert [len(page) for page in pages] == [5, 5, 3]
    assert [item for page in pages for item in page] == newest
    assert len(await project.approvals.list(pending=False, limit=5000)) == 1201
    with pytest.raises(ApprovalNotFoundError):
        await project.approvals.list(after=UNKNOWN)


@while_waiting
async def test_a_question_that_nothing_waits_for_is_void(project, approval) -> None:
    await ApprovalStore(project.db).add(replace(approval, id="1" * 20))
    with pytest.raises(ApprovalVoidError):
        await project.approvals.approve("1" * 20, by="lee")


@while_waiting
async def test_a_decision_needs_a_name_and_a_reason_of_some_length(project, approval) -> None:
    for options in ({"by": ""}, {"by": "kim", "reason": "x" * 1001}):
        with pytest.raises(ConfigError):
            await project.approvals.approve(approval.id, **options)


@while_waiting
async def test_row_33_of_racing_deciders_one_decides(project, approval) -> None:
    deciders = [
        project.approvals.approve(approval.id, by=f"yes-{n}")
        if n % 2
        else project.approvals.reject(approval.id, by=f"no-{n}")
        for n in range(20)
    ]
    ends = await asyncio.gather(*deciders, return_exceptions=True)
    assert sum(isinstance(end, Approval) for end in ends) == 1
    assert {type(end) for end in ends} == {Approval, ApprovalUsedError}


@while_waiting
async def test_a_token_opens_decides_once_and_is_stored_as_a_hash(project, approval) -> None:
    token, other = [await project.approvals.issue_token(approval.id) for _ in range(2)]
    stored = await ApprovalStore(project.db).get(approval.id)
    assert stored is not None
    assert len(token) >= 43
    assert stored.tokens == (hashed(token), hashed(other))
    assert token not in str(stored.to_body())
    assert (await project.approvals.opened(approval.id, token)).is_pending
    decided = await project.approvals.approve(approval.id, by="kim", token=token)
    assert decided.state is ApprovalState.APPROVED
    assert (await project.approvals.opened(approval.id, token)).state is ApprovalState.APPROVED
    with pytest.raises(ApprovalNotFoundError):
        await project.approvals.opened(approval.id, "guessed")
    with pytest.raises(ApprovalUsedError):
        await project.approvals.approve(approval.id, by="kim", token=token)
    with pytest.raises(ApprovalUsedError):
        await project.approvals.issue_token(approval.id)


@while_waiting
async def test_a_decision_whose_signal_was_lost_is_found_when_the_job_is_looked_at(project, approval) -> None:
    before = await project.jobs.get(approval.job_id)
    assert before.due_at is not None
    assert before.due_at <= approval.created_at + 31
    store = ApprovalStore(project.db)
    await store.change(approval, state=ApprovalState.APPROVED, decided_by="kim", decided_at=1.0)
    job = await project.orchestrator.drive(approval.job_id)
    assert (job.status, job.agent_results) == (JobStatus.COMPLETED, {"a": {"n": 1}})


def test_a_newer_versions_fields_are_left_alone_and_its_states_refused() -> None:
    approval = Approval("1" * 20, "job", 1, 2, "a", "kim", 1.0, 2.0)
    body = approval.to_body()
    newer = Document("approvals", approval.id, {**body, "colour": "red"}, 3)
    assert Approval.of(newer) == replace(approval, version=3)
    for unknown in ({**body, "state": "delegated"}, {}):
        with pytest.raises(SchemaVersionError, match="written by another version"):
            Approval.of(Document("approvals", approval.id, unknown, 3))


def test_the_projects_hook_is_told_once_of_a_question_with_a_link_and_again_only_if_that_failed(tmp_path: Path) -> None:
    more = """
        approvals: {on_approval: "backend.notify:on_approval", url: "https://ops.example"}
    """
    write_agent_file(tmp_path, "unused", "")
    (tmp_path / "backend" / "notify.py").write_text(HOOK, "utf-8")

    async def work() -> None:
        async with waiting(tmp_path, more=more) as (project, approval):
            told = tmp_path / "backend" / "told.txt"
            await project.orchestrator.drive(approval.job_id)
            await project.orchestrator.drive(approval.job_id)
            [line] = told.read_text().splitlines()
            approval_id, _, link = line.partition(" ")
            assert approval_id == approval.id
            base, _, token = link.partition("?token=")
            assert base == f"https://ops.example/approvals/{approval.id}"
            await project.approvals.approve(approval.id, by="a link", token=token)

    asyncio.run(work())
