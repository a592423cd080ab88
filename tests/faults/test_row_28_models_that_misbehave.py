"""Row 28: a model that throttles, breaks, rambles, stalls or lies. One retry layer, a bounded end, causes by name.

Whole jobs against a model server; how each protocol's client reads one answer is tested under
tests/unit/infrastructure/llm.
"""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from agent_framework import JobStatus, Project
from agent_framework.types import Job, Snapshot
from tests.support.model_servers import ModelServer, Reply, calls, cut_off, drops, fails, garbage, says, slow
from tests.support.projects import write_agent_file, yaml_of

AGENT = """
from pydantic import BaseModel
from agent_framework import BaseAgent, agent

class Answer(BaseModel):
    number: int

@agent("asks")
class Asks(BaseAgent):
    instructions = "Answer."
    output_type = {output}
"""
QUICK = {"max_attempts": 3, "initial_seconds": 0.01, "jitter": False}
PATIENCE_S = 20.0
"""How long a client waits where the trouble is another: long enough for a machine that is busy."""
STALLS_S = 1.5
"""How long it waits for an answer that takes ``slow(30)``: long enough for the request to arrive."""
ANSWER = calls("final_result", number=7)
CLIENTS = ["chat", "sdk"]


def run(
    folder: Path,
    server: ModelServer,
    *,
    client: str = "chat",
    structured: bool = False,
    retry: dict[str, Any] | None = None,
    orchestration: dict[str, Any] | None = None,
    **llm: Any,
) -> tuple[Job, Snapshot, dict[str, Any] | None]:
    """Run one job of one agent to its end."""
    settings = {"provider": "openai", "client": client, "model": "m", "base_url": f"{server.url}/v1"}
    more = f"llm: { ({**settings, 'timeout': PATIENCE_S, **llm})!r}".replace("'", '"')
    (folder / "agents.yaml").write_text(
        yaml_of({"asks": {"retry": {**QUICK, **(retry or {})}}}, orchestration or "", more=more)
    )
    write_agent_file(folder, "asks", AGENT.format(output="Answer" if structured else "None"))

    async def story() -> tuple[Job, Snapshot, dict[str, Any] | None]:
        async with Project.open(folder, environ={"OPENAI_API_KEY": "test"}) as project:
            job = await project.run({"a": 1})
            snapshot = await project.db.load(job.id)
            assert snapshot is not None
            return job, snapshot, await project.failure_report(job.id)

    return asyncio.run(story())


def patience(trouble: Reply) -> float:
    """The client's limit in seconds."""
    return STALLS_S if trouble.delay_s else PATIENCE_S


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "trouble",
    [fails(429), fails(500), fails(503), garbage(), garbage(b""), garbage(b"[1]"), slow(30), drops()],
    ids=["429", "500", "503", "half JSON", "empty", "another JSON", "slow", "dropped"],
)
def test_row_28_trouble_that_passes_is_tried_again_by_the_engine_alone(
    tmp_path: Path, client: str, trouble: Reply
) -> None:
    with ModelServer(trouble, trouble, says("fine")) as server:
        job, snapshot, _ = run(tmp_path, server, client=client, timeout=patience(trouble))
        assert (job.status, job.agent_results["asks"]) == (JobStatus.COMPLETED, {"result": "fine"})
        assert len(server.requests) == 3, "no layer below the engine asks again"
    assert [attempt.key.number for attempt in snapshot.attempts] == [1, 2, 3]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("trouble", [fails(429), fails(500), garbage(), slow(30), drops()])
def test_row_28_trouble_that_stays_ends_in_a_typed_failure_after_so_many_calls(
    tmp_path: Path, client: str, trouble: Reply
) -> None:
    with ModelServer(*[trouble] * 9) as server:
        job, _, report = run(tmp_path, server, client=client, timeout=patience(trouble))
        assert (job.status, len(server.requests)) == (JobStatus.FAILED, 3)
    assert report is not None
    assert report["error_code"] in ("ModelError", "ModelRefusedError")
    assert "openai/m" in report["error"]


def test_row_28_a_storm_of_429_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    begun = time.monotonic()
    with ModelServer(fails(429, retry_after="1"), fails(429, retry_after="1"), says("fine")) as server:
        job, snapshot, _ = run(tmp_path, server, retry={"jitter": True})
        assert (job.status, len(server.requests)) == (JobStatus.COMPLETED, 3)
    assert time.monotonic() - begun >= 2.0, "jitter does not shorten a wait that was asked for"
    waits = sorted(attempt.not_before for attempt in snapshot.attempts)
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(waits))


def test_row_28_a_storm_does_not_outlive_the_jobs_deadline(tmp_path: Path) -> None:
    begun = time.monotonic()
    with ModelServer(*[fails(429, retry_after="600")] * 9) as server:
        job, _, report = run(tmp_path, server, orchestration={"timeout_seconds": 1.5})
        assert (job.status, len(server.requests)) == (JobStatus.FAILED, 1)
    assert time.monotonic() - begun < 10
    assert report is not None
    assert (report["error_code"], report["failed_stage"]) == ("JobDeadline", "all workers/asks")


def test_row_28_a_model_that_stalls_is_ended_by_the_agents_time_whatever_its_own_limit(tmp_path: Path) -> None:
    with ModelServer(slow(30)) as server:
        job, snapshot, report = run(tmp_path, server, orchestration={"timeout_seconds": 1}, timeout=600)
    assert job.status is JobStatus.FAILED
    assert report is not None
    assert report["error_code"] == "JobDeadline"
    assert snapshot.job.completed_at is not None


@pytest.mark.parametrize(
    "first",
    [says("seven"), says(""), says('{"number": "many"}'), calls("final_result", numbers=7), calls("final_result")],
    ids=["prose", "empty", "wrong type", "wrong field", "no field"],
)
def test_row_28_an_answer_of_the_wrong_form_is_sent_back_once_and_mended(tmp_path: Path, first: Reply) -> None:
    with ModelServer(first, ANSWER) as server:
        job, snapshot, _ = run(tmp_path, server, structured=True)
        assert (job.status, job.agent_results["asks"]) == (JobStatus.COMPLETED, {"number": 7})
        assert len(server.requests) == 2
    assert len(snapshot.attempts) == 1


def test_row_28_a_model_that_never_fits_the_form_is_a_typed_failure(tmp_path: Path) -> None:
    with ModelServer(*[says("seven, I think")] * 9) as server:
        job, _, report = run(tmp_path, server, structured=True)
        assert (job.status, len(server.requests)) == (JobStatus.FAILED, 2)
    assert report is not None
    assert report["error_code"] == "OutputValidationError"


def test_row_28_an_answer_that_was_cut_off_is_no_result(tmp_path: Path) -> None:
    with ModelServer(*[cut_off()] * 3) as server:
        job, _, report = run(tmp_path, server, structured=True)
        assert job.status is JobStatus.FAILED
    assert report is not None
    assert job.agent_results == {}


@pytest.mark.parametrize("trouble", [fails(429), fails(503), garbage(), drops()], ids=["429", "503", "JSON", "dropped"])
def test_row_28_the_second_model_is_asked_once_for_each_attempt(tmp_path: Path, trouble: Reply) -> None:
    with ModelServer(trouble, says("from the second")) as server:
        job, snapshot, _ = run(tmp_path, server, fallback_model="spare")
        assert [request.body["model"] for request in server.requests] == ["m", "spare"]
        assert (job.status, job.agent_results["asks"]) == (JobStatus.COMPLETED, {"result": "from the second"})
    assert len(snapshot.attempts) == 1


def test_row_28_with_both_models_down_the_failure_names_both_causes(tmp_path: Path) -> None:
    with ModelServer(*[fails(503, "the first is away"), fails(429, "the second is busy")] * 2) as server:
        job, _, report = run(tmp_path, server, fallback_model="spare", retry={"max_attempts": 2})
        assert (job.status, len(server.requests)) == (JobStatus.FAILED, 4)
    assert report is not None
    assert report["error_code"] == "ModelError"
    for words in ("openai/m", "the first is away", "openai/spare", "the second is busy"):
        assert words in report["error"]


def test_row_28_trouble_is_counted_against_the_budget(tmp_path: Path) -> None:
    with ModelServer(*[slow(30)] * 9) as server:
        job, _, report = run(
            tmp_path,
            server,
            orchestration={"budget": {"tokens": 250}},
            timeout=STALLS_S,
            max_output_tokens=100,
            retry={"max_attempts": 9},
        )
        assert job.status is JobStatus.FAILED
        assert len(server.requests) == 1, "calls that may have been billed keep their reservations"
    assert report is not None
    assert report["error_code"] == "BudgetExceededError"
