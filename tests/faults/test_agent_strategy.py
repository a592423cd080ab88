"""``strategy: agent``: an LLM asks for workers; its turns are stored, so a kill between them costs nothing twice."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from agent_framework import Project
from tests.support import commands
from tests.support.model_servers import ModelServer, Reply, says
from tests.support.projects import write_agent_file

YAML = """
project: {{name: llm-plans}}
agents:
  planner: {{type: orchestrator}}
  left: {{description: looks left}}
  right: {{description: looks right}}
  unused: {{description: is never needed}}
orchestration: {{strategy: agent, max_turns: 3{more}}}
llm: {{provider: openai, model: test-model, base_url: "{url}/v1", prices: {{test-model: {{input: 1, output: 2}}}}}}
"""
WORKER = """
import asyncio, pathlib, time
from agent_framework import agent

@agent("{name}")
async def work(job, context):
    begun = time.time()
    with pathlib.Path({log!r}).open("a") as log:
        log.write("{name}\\n")
    await asyncio.sleep({seconds})
    return {{"saw": "{name}", "begun": begun, "ended": time.time()}}
"""
BOTH = Reply(tool_calls=(("invoke_left", {"reason": "to know"}), ("invoke_right", {"reason": "to know"})))


def _write(folder: Path, url: str, *, more: str = "", left: float = 0.05, right: float = 0.05) -> Path:
    (folder / "agents.yaml").write_text(YAML.format(url=url, more=more))
    log = folder / "calls.log"
    log.touch()
    for name, seconds in (("left", left), ("right", right), ("unused", 0)):
        write_agent_file(folder, name, WORKER.format(name=name, log=str(log), seconds=seconds))
    return log


def _run(folder: Path, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "OPENAI_API_KEY": "test", "AGENT_FRAMEWORK_CRASH_AT": crash_at}
    return commands.run("run", "--project", str(folder), "--json", *arguments, env=environ)


def test_two_workers_of_one_turn_run_at_once_and_the_answer_uses_both(tmp_path: Path):
    with ModelServer(BOTH, says("left and right were seen")) as server:
        log = _write(tmp_path, server.url, left=0.4, right=0.4)
        ran = _run(tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    left, right = report["results"]["left"], report["results"]["right"]
    assert left["begun"] < right["ended"]
    assert right["begun"] < left["ended"]
    assert sorted(log.read_text().split()) == ["left", "right"]
    assert report["results"]["planner"] == {"result": "left and right were seen"}
    assert len(server.requests) == 2
    told = json.dumps(server.requests[1].body)
    assert "saw" in told
    assert report["usage"] == {
        "requests": 2, "input_tokens": 22, "output_tokens": 14, "cost_usd": pytest.approx(50e-6),
        "models": ["openai/test-model"],
    }  # fmt: skip


@pytest.mark.parametrize("point", ["outcome_committed:1", "outcome_committed:2", "outcome_committed:3"])
def test_a_kill_between_the_turns_repeats_no_call_and_no_worker(tmp_path: Path, point: str):
    with ModelServer(BOTH, says("done")) as server:
        log = _write(tmp_path, server.url, right=0.6)
        killed = _run(tmp_path, crash_at=point)
        assert killed.returncode == -9
        job_id = _only_job(tmp_path)
        done_before = _finished_workers(tmp_path, job_id)
        resumed = _run(tmp_path, "--resume", job_id)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert json.loads(resumed.stdout)["status"] == "completed"
    assert len(server.requests) == 2, "each turn asked the model once"
    for worker in done_before:
        assert log.read_text().split().count(worker) == 1, f"{worker} had a stored result and ran again"


def test_asking_again_for_a_finished_worker_gives_the_stored_result(tmp_path: Path):
    left = Reply(tool_calls=(("invoke_left", {"reason": "again"}),))
    with ModelServer(left, left, says("done")) as server:
        log = _write(tmp_path, server.url)
        ran = _run(tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert log.read_text().split() == ["left"]
    skipped = [entry["skipped"] for entry in json.loads(ran.stdout)["trace"] if entry["kind"] == "step"]
    assert {"left": "already_completed"} in skipped


def test_turns_are_capped(tmp_path: Path):
    asks = [Reply(tool_calls=((f"invoke_{name}", {"reason": "more"}),)) for name in ("left", "right", "unused", "left")]
    with ModelServer(*asks) as server:
        _write(tmp_path, server.url)
        ran = _run(tmp_path)
    report = json.loads(ran.stdout)
    assert report["status"] == "failed"
    assert "3 turns, the limit" in report["error"]
    assert len(server.requests) == 3


def test_a_worker_that_fails_ends_the_job_unless_errors_are_tolerated(tmp_path: Path):
    for more, status in (("", "failed"), (", on_error: continue", "completed")):
        folder = tmp_path / status
        folder.mkdir()
        with ModelServer(BOTH, says("done without right")) as server:
            _write(folder, server.url, more=more)
            write_agent_file(
                folder,
                "right",
                "from agent_framework import agent\n@agent('right')\ndef work(): raise ValueError('blind')\n",
            )
            report = json.loads(_run(folder).stdout)
        assert report["status"] == status
        assert report["results"]["left"]["saw"] == "left"
        if status == "completed":
            assert "blind" in json.dumps(server.requests[1].body), "the model is told why there is no result"


def _only_job(folder: Path) -> str:
    listed = commands.run("jobs", "list", "--project", str(folder), "--json")
    return str(json.loads(listed.stdout)[0]["job_id"])


def _finished_workers(folder: Path, job_id: str) -> list[str]:
    import asyncio

    async def read() -> list[str]:
        async with Project.open(folder, environ={"OPENAI_API_KEY": "test"}) as project:
            return [result.agent for result in await project.db.get_results(job_id)]

    return [name for name in asyncio.run(read()) if name in ("left", "right")]
