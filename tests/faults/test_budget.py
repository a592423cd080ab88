"""A budget stops a job before the call that could pass it, however many agents ask at once."""

import json
from pathlib import Path

import pytest

from agent_framework import Project
from tests.support.model_servers import ModelServer, fails, says, slow
from tests.support.projects import write_agent_file

AGENT = """
from agent_framework import BaseAgent, agent

@agent("{name}")
class Asks(BaseAgent):
    instructions = "Answer briefly."
"""


def _write(folder: Path, url: str, count: int, budget: str, *, more: str = "") -> list[str]:
    names = [f"agent_{number}" for number in range(count)]
    agents = "\n".join(f"  {name}: {{}}" for name in names)
    (folder / "agents.yaml").write_text(
        f"project: {{name: budgets}}\nagents:\n{agents}\n"
        f"orchestration: {{strategy: parallel, budget: {budget}}}\n"
        f"llm: {{provider: openai, model: m, base_url: '{url}/v1', max_output_tokens: 20{more}}}\n"
    )
    for name in names:
        write_agent_file(folder, name, AGENT.format(name=name))
    return names


async def _run(folder: Path):
    async with Project.open(folder, environ={"OPENAI_API_KEY": "test"}) as project:
        job = await project.run({"a": 1})
        spent = await project.db.get_document("budget", job.id)
        assert spent is not None
        return job, spent.body


@pytest.mark.parametrize("allowed", [0, 1, 3, 7])
def test_eight_parallel_agents_never_pass_a_token_budget(tmp_path: Path, allowed: int):
    import asyncio

    with ModelServer(*[says("fine", input_tokens=40, output_tokens=20)] * 8) as server:
        _write(tmp_path, server.url, 1, "{tokens: 1000000}")
        _, one = asyncio.run(_run(tmp_path))
    assert one["tokens"] == 60
    with ModelServer(*[says("fine", input_tokens=40, output_tokens=20)] * 8) as server:
        limit = max(60 * allowed + 30, 1)
        folder = tmp_path / "eight"
        folder.mkdir()
        _write(folder, server.url, 8, f"{{tokens: {limit}}}")
        job, spent = asyncio.run(_run_or_refused(folder))
    assert job.status == "failed"
    assert "budget" in job.error_message
    assert spent["tokens"] <= limit
    assert len(server.requests) <= allowed
    assert len(job.agent_results) == len(server.requests)


async def _run_or_refused(folder: Path):
    async with Project.open(folder, environ={"OPENAI_API_KEY": "test"}) as project:
        job = await project.run({"a": 1})
        document = await project.db.get_document("budget", job.id)
        return job, document.body if document else {"tokens": 0, "usd": 0.0, "held": {}}


def test_a_usd_budget_counts_by_the_prices_given(tmp_path: Path):
    import asyncio

    with ModelServer(*[says("fine", input_tokens=40, output_tokens=20)] * 3) as server:
        _write(tmp_path, server.url, 2, "{usd: 1.0}", more=", prices: {m: {input: 1000, output: 2000}}")
        job, spent = asyncio.run(_run(tmp_path))
    assert job.status == "completed"
    assert spent["usd"] == pytest.approx(2 * (40 * 1000 + 20 * 2000) / 1e6)
    assert spent["held"] == {}


def test_a_refused_call_gives_its_reservation_back_and_a_lost_one_does_not(tmp_path: Path):
    import asyncio

    for reply, held in ((fails(401), 0), (slow(5), 1)):
        folder = tmp_path / f"held_{held}"
        folder.mkdir()
        with ModelServer(reply) as server:
            _write(folder, server.url, 1, "{tokens: 100000}", more=", timeout: 0.3")
            text = (folder / "agents.yaml").read_text().replace("agent_0: {}", "agent_0: {retry: {max_attempts: 1}}")
            (folder / "agents.yaml").write_text(text)
            job, spent = asyncio.run(_run(folder))
        assert job.status == "failed"
        assert len(spent["held"]) == held, json.dumps(spent)


def test_validate_refuses_a_usd_budget_on_an_unknown_price(tmp_path: Path):
    from agent_framework import ConfigLoader
    from agent_framework.core.project_check import check_project

    _write(tmp_path, "http://127.0.0.1:9", 1, "{usd: 1.0}")
    (problem,) = check_project(ConfigLoader(tmp_path)).errors
    assert problem.line == 5
    assert "the price of openai/m is unknown" in problem.message


PROCESS = """
import asyncio, sys
from agent_framework import Project

async def main(folder, job_id):
    async with Project.open(folder) as project:
        await project.worker(concurrency=4, sweep_s=0.2).run()

asyncio.run(main(*sys.argv[1:]))
"""


def test_worker_processes_hold_one_budget_together(tmp_path: Path):
    import asyncio
    import os
    import time

    from agent_framework.core.messages import advance_message
    from tests.support import commands

    with ModelServer(*[says("fine", input_tokens=40, output_tokens=20, delay_s=0.2)] * 12) as server:
        _write(tmp_path, server.url, 12, "{tokens: 400}")
        environ = {**os.environ, "OPENAI_API_KEY": "test"}

        async def submit() -> str:
            async with Project.open(tmp_path, environ=environ) as project:
                job_id = await project.jobs.submit({"a": 1})
                await project.queue.send(advance_message(job_id))
                return job_id

        job_id = asyncio.run(submit())
        works = commands.script(PROCESS, str(tmp_path), job_id)
        workers = [commands.Running(works, log=tmp_path / "workers.log", env=environ) for _ in range(3)]

        async def result():
            async with Project.open(tmp_path, environ=environ) as project:
                ended = time.monotonic() + 60
                while time.monotonic() < ended:
                    job = await project.jobs.get(job_id)
                    if job.status.is_final:
                        return job, await project.db.get_document("budget", job_id)
                    await asyncio.sleep(0.1)
                raise AssertionError("the job did not end within a minute")

        try:
            job, spent = asyncio.run(result())
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(30)
        assert job.status == "failed"
        assert "budget" in job.error_message
        assert spent.body["tokens"] <= 400
        assert len(server.requests) * 60 <= 400
