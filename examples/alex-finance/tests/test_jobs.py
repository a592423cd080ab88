"""Whole jobs, offline: which agents run for whom, one total everywhere, and what goes wrong goes wrong clearly."""

import asyncio
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from backend.data.seed import FIRST_USER, SECOND_USER
from backend.data.settings import open_store
from backend.data.store import Store
from backend.payloads import problems
from backend.portfolio.valuation import value
from backend.portfolio.values import Instrument, User
from backend.portfolio.vocabulary import InstrumentKind
from backend.trial import PROJECT_DIR, offline_project, portfolios_in, try_job
from support import DAY, position

from agent_framework import Job, JobStatus
from agent_framework.testing import ScriptedModel, assistant_message, function_call

LLM_PLANNER = "agents-llm-planner.yaml"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The database of portfolios that the jobs of this test see."""
    with portfolios_in(tmp_path):
        yield open_store()


def run(folder: Path, user_id: str = FIRST_USER, file: str = "agents.yaml") -> Job:
    return asyncio.run(try_job(folder, user_id, file))


def new_user(store: Store, *, goals: bool = True, cash: str = "0", **quantities: str) -> str:
    """A user with one account."""
    store.put_user(User("someone", "Someone", 20 if goals else None, Decimal(40_000) if goals else None))
    account = store.add_account("someone", "Savings", cash=Decimal(cash))
    for symbol, quantity in quantities.items():
        store.put_position(account, position(symbol, quantity))
    return "someone"


@pytest.mark.parametrize(
    ("user_id", "file"), [(FIRST_USER, "agents.yaml"), (SECOND_USER, "agents.yaml"), (FIRST_USER, LLM_PLANNER)]
)
def test_every_payload_is_valid_and_has_the_same_total(store: Store, tmp_path: Path, user_id: str, file: str):
    job = run(tmp_path, user_id, file)
    assert job.status is JobStatus.COMPLETED, job.error_message
    valuation = value(store.portfolio(user_id))
    found = {agent: problems(agent, payload, valuation) for agent, payload in job.agent_results.items()}
    assert not any(found.values()), found
    assert set(found) >= {"planner", "reporter", "charter", "retirement"}


def test_vti_is_classified_once_before_anybody_else_looks(store: Store, tmp_path: Path):
    job = run(tmp_path, SECOND_USER)
    tagged = job.agent_results["tagger"]
    assert (tagged["tagged"], tagged["updated"]) == (1, ["VTI"])
    assert tagged["classifications"][0]["source"] == "offline"
    names = [part["name"] for part in job.agent_results["charter"]["asset_allocation"]["data"]]
    assert "Unclassified" not in names
    assert "tagger" not in run(tmp_path, SECOND_USER).agent_results


@pytest.mark.parametrize(
    ("goals", "quantities", "agents"),
    [
        (True, {"SPY": "1", "BND": "1"}, {"reporter", "charter", "retirement"}),
        (False, {"SPY": "1", "BND": "1"}, {"reporter", "charter"}),
        (True, {"SPY": "1"}, {"reporter", "retirement"}),
        (False, {"SPY": "1"}, {"reporter"}),
        (True, {}, {"retirement"}),
    ],
)
def test_each_agent_runs_only_where_it_applies(store: Store, tmp_path: Path, goals, quantities, agents):
    job = run(tmp_path, new_user(store, goals=goals, cash="100", **quantities))
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert set(job.agent_results) == {"planner", *agents}


def test_a_model_as_planner_asks_for_the_tagger_first_and_its_answer_is_the_summary(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def asks(*workers: str) -> list[Any]:
        return [function_call(f"invoke_{name}", {"reason": "called for"}, call_id=name) for name in workers]

    turns = [asks("tagger"), asks("reporter", "charter", "retirement"), [assistant_message("All was made.")]]
    model = ScriptedModel(turns)

    async def scenario() -> Job:
        async with offline_project(tmp_path, LLM_PLANNER) as project:
            monkeypatch.setattr(_class_of(project, "planner"), "build_model", lambda self: model)
            return await project.run({}, user_id=SECOND_USER)

    job = asyncio.run(scenario())
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert set(job.agent_results) == {"planner", "tagger", "reporter", "charter", "retirement"}
    valuation = value(store.portfolio(SECOND_USER))
    assert not any(problems(agent, payload, valuation) for agent, payload in job.agent_results.items())
    assert job.agent_results["planner"]["summary"] == "All was made."
    assert "VTI" in str(model.calls[0].input)


def test_both_files_describe_the_same_agents():
    files = [yaml.safe_load((PROJECT_DIR / name).read_text("utf-8")) for name in ("agents.yaml", LLM_PLANNER)]
    assert files[0]["agents"] == files[1]["agents"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda store: "who", "there is no user 'who'"),
        (lambda store: store.put_user(User("someone", "Someone")) or "someone", "has no accounts"),
        (lambda store: new_user(store, goals=False, cash="5"), "nothing to analyse"),
    ],
)
def test_nothing_to_work_on_fails_the_job_with_one_clear_message(store: Store, tmp_path: Path, make, words):
    job = run(tmp_path, make(store))
    assert job.status is JobStatus.FAILED
    assert words in (job.error_message or "")
    assert set(job.agent_results) == set()


def test_an_instrument_without_a_price_is_flagged_by_all_with_the_same_total(store: Store, tmp_path: Path):
    store.add_instruments([Instrument("XYZ", "Somewhere", InstrumentKind.STOCK)])
    user_id = new_user(store, cash="10", XYZ="5", SPY="2")
    job = run(tmp_path, user_id)
    results = job.agent_results
    valuation = value(store.portfolio(user_id))
    for agent in ("planner", "reporter", "charter", "retirement"):
        assert problems(agent, results[agent], valuation) == []
    assert str(valuation.total) == "910.50"
    assert results["planner"]["missing_prices"] == ["XYZ"]
    assert "XYZ" in results["planner"]["summary"]
    assert "No price is known of XYZ" in results["reporter"]["content"]
    assert results["retirement"]["assumptions"]["without_price"] == ["XYZ"]


def test_what_cannot_be_classified_does_not_stop_the_report(store: Store, tmp_path: Path):
    store.add_instruments([Instrument("ABC", "Unknown fund", InstrumentKind.ETF, Decimal(10))])
    job = run(tmp_path, new_user(store, ABC="5", SPY="2"))
    assert job.status is JobStatus.COMPLETED
    assert "tagger" not in job.agent_results
    assert "Not classified yet, and shown apart: ABC" in job.agent_results["reporter"]["content"]


def test_a_portfolio_of_which_nothing_is_classified_has_no_projection_and_says_why(store: Store, tmp_path: Path):
    store.add_instruments([Instrument("ABC", "Unknown fund", InstrumentKind.ETF, Decimal(10))])
    job = run(tmp_path, new_user(store, ABC="5"))
    assert job.status is JobStatus.FAILED
    assert "no instrument of the portfolio is classified" in (job.error_message or "")
    assert "reporter" in job.agent_results


def test_a_failing_charter_fails_the_job_and_a_retry_runs_it_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def scenario() -> tuple[Job, Job, list[str]]:
        async with offline_project(tmp_path) as project:
            charter = sys.modules[_class_of(project, "charter").__module__]
            with monkeypatch.context() as patch:
                patch.setattr(charter, "portfolio_charts", _broken)
                failed = await project.run({}, user_id=FIRST_USER)
            store.set_prices({"SPY": Decimal(1)}, as_of=DAY, source="another job")
            await project.jobs.retry(failed.id)
            retried = await project.orchestrator.drive(failed.id)
            attempts = (await project.db.load(failed.id)).attempts
            return failed, retried, [attempt.key.agent for attempt in attempts if attempt.key.run == 2]

    failed, retried, second_run = asyncio.run(scenario())
    assert failed.status is JobStatus.FAILED
    assert "the pens are dry" in (failed.error_message or "")
    assert {"reporter", "retirement"} <= set(failed.agent_results)
    assert retried.status is JobStatus.COMPLETED
    assert second_run == ["charter"]
    drawn = retried.agent_results["charter"]["accounts"]["data"]
    assert sum(Decimal(str(part["value"])) for part in drawn) == Decimal("99437.50")


def _broken(valuation: Any) -> Any:
    raise RuntimeError("the pens are dry")


def _class_of(project: Any, name: str) -> Any:
    return project.registry.get_agent(name)


def _answering(project: Any, monkeypatch: pytest.MonkeyPatch, agent: str, turns: list[Any]) -> None:
    """Let the agent's model say this."""
    monkeypatch.setattr(_class_of(project, agent), "build_model", lambda self: ScriptedModel(turns))


async def _one_agent(folder: Path, monkeypatch: pytest.MonkeyPatch, agent: str, turns: list[Any], user: str) -> Job:
    async with offline_project(folder) as project:
        _answering(project, monkeypatch, agent, turns)
        return await project.run({}, user_id=user)


def test_prose_instead_of_json_fails_the_tagger_and_the_rest_goes_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    prose = [assistant_message("VTI is a fine fund, mostly equity.")]
    job = asyncio.run(_one_agent(tmp_path, monkeypatch, "tagger", [prose, prose], SECOND_USER))
    assert job.status is JobStatus.COMPLETED
    assert "tagger" not in job.agent_results
    assert store.portfolio(SECOND_USER).unclassified == ("VTI",)
    assert "Unclassified" in str(job.agent_results["charter"]["regions"])


@pytest.mark.parametrize("agent", ["reporter", "charter", "retirement"])
def test_prose_instead_of_json_is_an_error_with_the_agent_s_name_and_the_others_stay(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str
):
    prose = [assistant_message("Here is what I think: all is well, about $1,000,000.")]
    job = asyncio.run(_one_agent(tmp_path, monkeypatch, agent, [prose] * 4, FIRST_USER))
    assert job.status is JobStatus.FAILED
    assert agent in (job.error_message or "")
    assert "the model answered in prose" in (job.error_message or "")
    assert set(job.agent_results) == {"planner", "reporter", "charter", "retirement"} - {agent}
    assert "1,000,000" not in str(job.agent_results)


@pytest.mark.parametrize(("years", "income", "rate"), [(0, 0, 100), (0, 1_000_000, 0), (60, 0, 100)])
def test_years_and_incomes_at_their_limits_are_whole_jobs(
    store: Store, tmp_path: Path, years: int, income: int, rate: float
):
    user_id = new_user(store, cash="100", SPY="1.5", BND="2")
    store.put_user(User(user_id, "Someone", years, Decimal(income)))
    job = run(tmp_path, user_id)
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.agent_results["retirement"]["success_rate"] == rate
    valuation = value(store.portfolio(user_id))
    assert not any(problems(agent, payload, valuation) for agent, payload in job.agent_results.items())


def test_a_model_s_invented_amounts_reach_no_payload(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wording = '{"charts": [{"key": "regions", "title": "All $9,999,999 of it", "description": "Rich."}]}'
    answer = [function_call("final_result", wording, call_id="1")]
    job = asyncio.run(_one_agent(tmp_path, monkeypatch, "charter", [answer], FIRST_USER))
    assert job.agent_results["charter"]["regions"]["title"] == "Regions"
    told = f'{{"analysis": "{"You will have $77,777,777. " * 40}"}}'
    answer = [function_call("final_result", told, call_id="1")]
    job = asyncio.run(_one_agent(tmp_path, monkeypatch, "retirement", [answer], FIRST_USER))
    assert "77,777" not in job.agent_results["retirement"]["analysis"]
    assert job.agent_results["retirement"]["written_by"] == "rules"


def test_a_model_s_own_words_are_used_where_their_figures_are_right(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wording = '{"charts": [{"key": "regions", "title": "Where it is", "description": "Of $99,437.50 in all."}]}'
    answer = [function_call("final_result", wording, call_id="1")]
    job = asyncio.run(_one_agent(tmp_path, monkeypatch, "charter", [answer], FIRST_USER))
    assert job.agent_results["charter"]["regions"]["title"] == "Where it is"
    told = f'{{"analysis": "{"An income of $100,000 a year needs $2,500,000 at retirement. " * 15}"}}'
    answer = [function_call("final_result", told, call_id="1")]
    job = asyncio.run(_one_agent(tmp_path, monkeypatch, "retirement", [answer], FIRST_USER))
    assert job.agent_results["retirement"]["written_by"] == "model"


def test_only_the_job_s_id_is_needed_to_simulate_what_is_in_the_database(store: Store, tmp_path: Path):
    async def scenario() -> Job:
        async with offline_project(tmp_path) as project:
            job_id = await project.jobs.submit({}, user_id=FIRST_USER)
        async with offline_project(tmp_path) as other:
            return await other.orchestrator.drive(job_id)

    job = asyncio.run(scenario())
    assert job.agent_results["retirement"]["portfolio_value"] == "99437.50"
    assert job.agent_results["retirement"]["milestones"][0]["median"] == 99438


def test_two_users_jobs_at_once_do_not_see_each_other(store: Store, tmp_path: Path):
    async def scenario() -> list[Job]:
        async with offline_project(tmp_path) as project:
            jobs = (project.run({}, user_id=user) for user in (FIRST_USER, SECOND_USER, FIRST_USER))
            return list(await asyncio.gather(*jobs))

    totals = [job.agent_results["retirement"]["portfolio_value"] for job in asyncio.run(scenario())]
    assert totals == ["99437.50", "44490.50", "99437.50"]


def test_a_model_s_report_with_an_invented_amount_is_replaced_and_the_reason_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asks = [function_call("get_market_insights", {"question": "gold"}, call_id="1")]
    answer = [function_call("final_result", {"markdown": "You are worth $1,000,000."}, call_id="2")]
    job = asyncio.run(_one_agent(tmp_path, monkeypatch, "reporter", [asks, answer], FIRST_USER))
    made = job.agent_results["reporter"]
    assert made["written_by"] == "rules"
    assert "$1,000,000" in "; ".join(made["problems"])
    assert "$1,000,000" not in made["content"]
    assert "**Gold and other commodities.**" in made["content"]
    assert problems("reporter", made, value(store.portfolio(FIRST_USER))) == []
