"""``run``, ``test`` and ``jobs`` on small projects."""

import json
import sqlite3
from pathlib import Path

RULES = """
selection_rules:
  - name: first
    condition: "input.kind == 'long'"
    agents: [reader, {parallel: [left, right]}]
    else: [reader]
  - {name: last, condition: always, agents: [writer]}
"""
AGENTS = {
    "reader": "return {'words': len(job.request_payload.get('text', '').split())}",
    "left": "return {'side': 'left'}",
    "right": "return {'side': 'right'}",
    "writer": "return {'said': f\"{context.results['reader']['words']} words\"}",
}


def test_a_job_runs_to_its_end_and_every_line_tells_what_happened(af, write_project):
    write_project(AGENTS, RULES)
    ran = af("run", "--set", "kind=long", "--set", "text=one two three", "--offline")
    assert ran.code == 0, ran.err
    assert "offline: no model is called" in ran.out
    assert "rule first: input.kind == 'long' holds  (input.kind = 'long')" in ran.out
    assert "parallel: left, right" in ran.out
    assert "said: 3 words" in ran.out
    assert "completed in" in ran.out
    assert ran.out.rstrip().splitlines()[-1].startswith("next: agent-framework jobs show ")


def test_json_is_one_document_with_trace_results_and_usage(af, write_project):
    write_project(AGENTS, RULES)
    ran = af("run", "--set", "kind=short", "--offline", "--json")
    report = json.loads(ran.out)
    assert report["status"] == "completed"
    assert report["models"] == ["offline"]
    assert [e["rule"] for e in report["trace"] if e["kind"] == "rule"] == ["first", "last"]
    assert list(report["results"]) == ["reader", "writer"]
    assert report["usage"]["requests"] == 0


def test_a_failing_agent_fails_the_job_and_the_others_stay_stored(af, write_project):
    write_project({**AGENTS, "left": "raise ValueError('no left')"}, RULES)
    ran = af("run", "--set", "kind=long", "--offline")
    assert ran.code == 1
    assert "agent left failed: ValueError: no left" in ran.out
    assert "(ValueError)" in ran.out
    assert "side: right" in ran.out
    assert "jobs retry" in ran.out.rstrip().splitlines()[-1]


def test_a_failed_job_tells_json_readers_what_is_there_and_what_to_do(af, write_project):
    write_project({**AGENTS, "left": "raise ValueError('no left')"}, RULES)
    report = json.loads(af("run", "--set", "kind=long", "--json").out)
    failure = report["failure"]
    assert (failure["error_code"], failure["failed_stage"].split("/")[1]) == ("ValueError", "left")
    assert set(failure["partial_results"]) == set(report["results"])
    assert report["failed_agents"] == {"left": "ValueError: no left"}
    shown = json.loads(af("jobs", "show", report["job_id"], "--json").out)
    assert shown["failure"] == failure


def test_a_failed_job_is_retried_and_completed_agents_are_kept(af, write_project, tmp_path: Path):
    marker = tmp_path / "now_it_works"
    fails = f"import pathlib\n    if not pathlib.Path({str(marker)!r}).exists(): raise ValueError('not yet')"
    body = f"{fails}\n    return {{}}"
    write_project({**AGENTS, "writer": body}, RULES)
    job_id = json.loads(af("run", "--set", "kind=short", "--json").out)["job_id"]
    marker.touch()
    assert af("run", "--resume", job_id).code == 1, "a failed job does not start again by itself"
    assert "pending again, run 2" in af("jobs", "retry", job_id).out
    ran = af("run", "--resume", job_id)
    assert ran.code == 0
    assert "reader" in ran.out
    assert "already completed, not run again" in ran.out


def test_the_same_key_and_input_are_the_same_job_and_another_input_is_refused(af, write_project):
    write_project(AGENTS, RULES)
    first = json.loads(af("run", "--set", "kind=short", "--key", "k1", "--json").out)
    again = json.loads(af("run", "--set", "kind=short", "--key", "k1", "--json").out)
    assert first["job_id"] == again["job_id"]
    refused = af("run", "--set", "kind=long", "--key", "k1")
    assert refused.code == 1
    assert "was used for job" in refused.err


def test_skipped_agents_say_why(af, write_project):
    write_project({"only": "raise SkipAgent('nothing to tag')"})
    ran = af("run", "--offline")
    assert ran.code == 0
    assert "nothing to tag" in ran.out


def test_one_agent_runs_alone_on_supposed_results(af, write_project, tmp_path: Path):
    write_project(AGENTS, RULES)
    (tmp_path / "reader.json").write_text('{"words": 12}')
    ran = af("test", "writer", "--result", "reader=reader.json", "--offline", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["result"] == {"said": "12 words"}


def test_jobs_can_be_listed_shown_and_paged(af, write_project):
    write_project(AGENTS, RULES)
    ids = [json.loads(af("run", "--set", "kind=short", "--json").out)["job_id"] for _ in range(3)]
    listed = json.loads(af("jobs", "list", "--json").out)
    assert [job["job_id"] for job in listed] == ids[::-1]
    page = json.loads(af("jobs", "list", "--json", "--limit", "1", "--after", ids[2]).out)
    assert [job["job_id"] for job in page] == [ids[1]]
    shown = af("jobs", "show", ids[0])
    assert "rule first: input.kind == 'long' does not hold, else" in shown.out
    assert json.loads(af("jobs", "show", ids[0], "--json").out)["results"]["reader"] == {"words": 0}
    assert af("jobs", "list", "--status", "failed").out.startswith("no jobs")


def test_a_final_job_cannot_be_cancelled(af, write_project):
    write_project(AGENTS, RULES)
    job_id = json.loads(af("run", "--set", "kind=short", "--json").out)["job_id"]
    ran = af("jobs", "cancel", job_id)
    assert ran.code == 1
    assert "is completed and cannot be cancelled" in ran.err


def test_a_data_file_as_input_is_named_by_its_path(af, write_project, tmp_path: Path):
    write_project({"only": "return {'got': job.request_payload}"})
    (tmp_path / "sales.csv").write_text("a,b\n")
    got = json.loads(af("run", "--input", "sales.csv", "--json").out)["results"]["only"]["got"]
    assert got == {"csv": str(tmp_path / "sales.csv")}


def test_the_database_is_durable_before_anything_is_acknowledged(af, write_project, tmp_path: Path):
    write_project(AGENTS, RULES)
    af("run", "--set", "kind=short")
    database = sqlite3.connect(tmp_path / ".agent-framework" / "jobs.sqlite")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("SELECT count(*) FROM agent_results").fetchone() == (2,)
    database.close()


def test_a_job_that_goes_on_says_without_whom(af, write_project):
    write_project({"reader": "return {}", "left": "raise ValueError('no left')"}, "on_error: continue")
    ran = af("run", "--offline")
    assert ran.code == 0
    assert "it went on without left: ValueError: no left" in ran.out
