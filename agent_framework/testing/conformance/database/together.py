"""Many requests of one kind at the same time, which a database may carry out together: each gets its own answer."""

import asyncio

from agent_framework.errors import AgentFrameworkError, IdempotencyConflictError, StaleClaimError
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider, DecidesAtOnce
from agent_framework.testing.conformance.database.harness import (
    Case,
    claimed,
    new_job,
    running,
    scenario,
    started,
    success,
)
from agent_framework.types import AttemptState, Event, EventKind, JobStatus, Snapshot

MANY = 12


class TogetherTests(Case):
    """What holds for requests that are carried out together."""

    @scenario
    async def test_many_new_jobs_keep_what_is_theirs(self, db: DatabaseProvider) -> None:
        ids = await asyncio.gather(*(new_job(db, {"n": n}, user=f"user {n % 3}") for n in range(MANY)))
        assert len(set(ids)) == MANY
        jobs = [await db.get_job(job_id) for job_id in ids]
        assert [(job.request_payload, job.user_id) for job in jobs if job is not None] == [
            ({"n": n}, f"user {n % 3}") for n in range(MANY)
        ]

    @scenario
    async def test_among_many_new_jobs_a_used_key_is_told_to_its_own_request(self, db: DatabaseProvider) -> None:
        first = await new_job(db, {"n": 0}, client_key="k0")
        answers = await asyncio.gather(
            *(new_job(db, {"n": n + (n == 5)}, client_key=f"k{n if n != 5 else 0}") for n in range(MANY)),
            return_exceptions=True,
        )
        assert answers[0] == first
        assert isinstance(answers[5], IdempotencyConflictError)
        assert len({answer for answer in answers if isinstance(answer, str)}) == MANY - 1

    @scenario
    async def test_the_same_key_many_times_at_once_is_one_job(self, db: DatabaseProvider) -> None:
        ids = await asyncio.gather(*(new_job(db, {"n": 1}, client_key="once") for _ in range(MANY)))
        assert len(set(ids)) == 1
        assert len(await db.list_jobs()) == 1

    @scenario
    async def test_of_two_new_jobs_with_one_id_the_one_that_is_told_so_is_stored(self, db: DatabaseProvider) -> None:
        asked = [new_job(db, {"of": user}, user=user, job_id="the-same") for user in ("zoe", "ada")]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        [refused] = [n for n, answer in enumerate(answers) if isinstance(answer, IdempotencyConflictError)]
        job = await db.get_job("the-same")
        assert job is not None
        assert (job.user_id, job.request_payload) == (("zoe", {"of": "zoe"}), ("ada", {"of": "ada"}))[1 - refused]

    @scenario
    async def test_among_many_outcomes_those_of_strangers_alone_are_refused(self, db: DatabaseProvider) -> None:
        keys = [await started(db) for _ in range(MANY)]
        stored = await asyncio.gather(
            *(
                db.commit_outcome(
                    key, "a stranger" if n in (3, 7) else "worker", success({"n": n}), produced_by="writer"
                )
                for n, key in enumerate(keys)
            )
        )
        assert [n for n, was_stored in enumerate(stored) if not was_stored] == [3, 7]
        for n, key in enumerate(keys):
            snapshot = await _loaded(db, key.job_id)
            refused = n in (3, 7)
            assert snapshot.job.agent_results == ({} if refused else {"writer": {"n": n}})
            assert snapshot.job.signals == (0 if refused else 1)
            assert snapshot.attempts[0].state is (AttemptState.STARTED if refused else AttemptState.SUCCEEDED)

    @scenario
    async def test_an_outcome_many_times_at_once_is_stored_once(self, db: DatabaseProvider) -> None:
        key = await started(db)
        stored = await asyncio.gather(
            *(db.commit_outcome(key, "worker", success({"n": n}), produced_by="writer") for n in range(MANY))
        )
        assert stored.count(True) == 1
        snapshot = await _loaded(db, key.job_id)
        assert (snapshot.job.agent_results, snapshot.job.signals) == ({"writer": {"n": stored.index(True)}}, 1)

    @scenario
    async def test_an_outcome_that_cannot_be_stored_spoils_nothing_for_others(self, db: DatabaseProvider) -> None:
        keys = [await started(db) for _ in range(MANY)]
        answers = await asyncio.gather(
            *(
                db.commit_outcome(
                    key, "worker", success({"text": "\ud800" if n == 4 else "fine"}), produced_by="writer"
                )
                for n, key in enumerate(keys)
            ),
            return_exceptions=True,
        )
        assert isinstance(answers.pop(4), AgentFrameworkError)
        assert answers == [True] * (MANY - 1)
        assert (await _loaded(db, keys[4].job_id)).attempts[0].state is AttemptState.STARTED

    @scenario
    async def test_among_many_commits_those_of_lost_claims_alone_are_refused(self, db: DatabaseProvider) -> None:
        snapshots = [await claimed(db, await new_job(db)) for _ in range(MANY)]
        for n in (2, 9):
            assert await db.claim_job(snapshots[n].job.id, "another", 30.0, take_over_from="worker")
        answers = await asyncio.gather(*(db.commit(s, _moves()) for s in snapshots), return_exceptions=True)
        assert [n for n, answer in enumerate(answers) if isinstance(answer, StaleClaimError)] == [2, 9]
        for n, snapshot in enumerate(snapshots):
            stored = await _loaded(db, snapshot.job.id)
            assert len(stored.events) == (0 if n in (2, 9) else 1)

    @scenario
    async def test_many_decisions_at_once_are_each_written_to_their_own_job(self, db: DatabaseProvider) -> None:
        if not isinstance(db, DecidesAtOnce):
            return
        jobs = [await new_job(db, {"n": n}) for n in range(MANY)]
        held = await claimed(db, jobs[6], "another")

        def decide(snapshot: Snapshot) -> Changes:
            return _moves(n=snapshot.job.request_payload["n"])

        decided = await asyncio.gather(*(db.decide_job(job_id, "worker", 30.0, decide) for job_id in jobs))
        assert [n for n, one in enumerate(decided) if one is None] == [6]
        for n, job_id in enumerate(jobs):
            stored = await _loaded(db, job_id)
            if n == 6:
                assert (stored.events, stored.job.epoch) == ((), held.job.epoch)
                continue
            one = decided[n]
            assert one is not None
            assert one.after is not None
            assert [event.data for event in stored.events] == [{"n": n}]
            assert stored.job.epoch == one.after.job.epoch == one.snapshot.job.epoch + 1
            assert stored.job.status is one.after.job.status is JobStatus.RUNNING

    @scenario
    async def test_many_decisions_about_one_job_follow_each_other(self, db: DatabaseProvider) -> None:
        if not isinstance(db, DecidesAtOnce):
            return
        job_id, _ = await running(db, "writer")
        seen: list[int] = []

        def decide(snapshot: Snapshot) -> Changes:
            seq = len(snapshot.events) + 1
            seen.append(seq)
            return Changes(events=(Event(seq, 1, EventKind.RULE, {}),), due_at=snapshot.now)

        decided = await asyncio.gather(*(db.decide_job(job_id, "worker", 30.0, decide) for _ in range(3)))
        written = [one for one in decided if one is not None]
        stored = await _loaded(db, job_id)
        assert [event.seq for event in stored.events] == list(range(1, len(written) + 1))
        assert len({one.snapshot.job.epoch for one in written}) == len(written)

    @scenario
    async def test_what_is_known_of_a_job_after_a_decision_is_what_is_stored(self, db: DatabaseProvider) -> None:
        if not isinstance(db, DecidesAtOnce):
            return
        job_id = await new_job(db, {"n": 1})
        decided = await db.decide_job(job_id, "worker", 30.0, lambda snapshot: _moves(due_at=snapshot.now + 9.0))
        assert decided is not None
        assert decided.after is not None
        stored = await _loaded(db, job_id)
        for name in ("status", "epoch", "run", "signals", "plan", "request_payload", "error_message", "completed_at"):
            assert getattr(stored.job, name) == getattr(decided.after.job, name)
        for name in ("due_at", "started_at", "updated_at", "created_at"):
            assert abs(getattr(stored.job, name) - getattr(decided.after.job, name)) < 0.001


def _moves(*, due_at: float | None = None, **data: int) -> Changes:
    """A first decision."""
    events = (Event(1, 1, EventKind.STARTED, dict(data)),)
    return Changes(events=events, status=JobStatus.RUNNING, due_at=due_at, plan={"of": "a test"})


async def _loaded(db: DatabaseProvider, job_id: str) -> Snapshot:
    snapshot = await db.load(job_id)
    assert snapshot is not None
    return snapshot
