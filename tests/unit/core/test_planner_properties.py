"""Properties of the planner, on generated plans with generated outcomes."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_framework.config.loader import load_config_text
from agent_framework.core.decide import decide
from agent_framework.core.pinned import PinnedPlan, pin
from agent_framework.core.preview import preview
from agent_framework.types import AgentOutcome, AttemptState, EventKind, JobStatus
from tests.support.projects import yaml_of
from tests.support.simulation import Script, Simulation, asks_for, fails, gives, plan_of, skips, stumbles

AGENTS = ("a", "b", "c", "d", "e")
CONDITIONS = (
    "always",
    "input.n > 1",
    "exists(results.a)",
    "results.a.score > 1 or results.b.score > 1",
    "prev_step.score < 2",
    "not exists(prev_step.b)",
    "'a' in job.failed_agents",
    "len(job.failed_agents) == 0",
)

names = st.lists(st.sampled_from(AGENTS), min_size=1, max_size=4, unique=True)
items = st.sampled_from(AGENTS) | st.builds(
    lambda kind, agents, rerun: {kind: agents, **({"rerun": True} if rerun else {})},
    st.sampled_from(["parallel", "sequential"]),
    names,
    st.sampled_from([False, False, True]),
)
rules = st.fixed_dictionaries(
    {
        "condition": st.sampled_from(CONDITIONS),
        "agents": st.lists(items, max_size=3),
        "when": st.sampled_from(["success", "success", "success", "failure", "finally"]),
    },
    optional={"else": st.lists(items, max_size=2), "on_error": st.sampled_from(["stop", "continue"])},
)
RETRY = {"max_attempts": 10, "initial_seconds": 1, "on": ["crash", "timeout", "transient"]}


def outcome_lists(*, failing: bool) -> st.SearchStrategy[dict[str, list[AgentOutcome]]]:
    good = st.integers(1, 3).map(lambda score: gives(score=score)) | st.builds(skips)
    endings = good | st.builds(fails) if failing else good
    lists = st.builds(lambda stumbling, end: [*stumbling, *end], st.lists(st.builds(stumbles), max_size=2),
                      st.lists(endings, min_size=1, max_size=3))  # fmt: skip
    return st.dictionaries(st.sampled_from(AGENTS), lists)


@st.composite
def cases(draw: st.DrawFn) -> tuple[PinnedPlan, Script, int]:
    """A plan with a script. Where agents may fail, all siblings run at once: then their order must not matter."""
    failing = draw(st.booleans())
    orchestration = {
        "strategy": draw(st.sampled_from(["dynamic", "sequential", "parallel"])),
        "on_error": draw(st.sampled_from(["stop", "continue"])),
        "max_concurrent_agents": 10 if failing else draw(st.integers(1, 4)),
        "selection_rules": [{"name": f"r{i}", **rule} for i, rule in enumerate(draw(st.lists(rules, max_size=4)))],
    }
    agents: dict[str, Any] = {name: {"retry": RETRY} for name in AGENTS}
    for name in draw(st.lists(st.sampled_from(AGENTS), max_size=2, unique=True)):
        agents[name] = {"retry": RETRY, "fallback": draw(st.sampled_from(["spare", *AGENTS]))}
    agents["spare"] = {"type": "orchestrator", "retry": RETRY}
    prepares = draw(st.booleans())
    plan = pin(load_config_text(yaml_of(agents, orchestration)).config, prepares=prepares)
    return plan, draw(outcome_lists(failing=failing)), draw(st.integers(0, 3))


@settings(max_examples=300)
@given(cases())
def test_every_plan_comes_to_an_end_and_says_how(case: tuple[PinnedPlan, Script, int]) -> None:
    plan, script, n = case
    job = Simulation(plan, {"n": n}, script).run()
    assert job.status in (JobStatus.COMPLETED, JobStatus.FAILED)
    assert (job.status is JobStatus.FAILED) is bool(job.reason)
    assert all(not attempt.state.is_open for attempt in job.store.attempts.values())
    last = job.store.events[-1]
    assert (last.kind, last.data["status"]) == (EventKind.FINISHED, job.status.value)
    assert job.most_at_once <= plan.max_concurrent_agents


@settings(max_examples=300)
@given(cases())
def test_no_agent_runs_twice_unless_a_rule_asks_for_it(case: tuple[PinnedPlan, Script, int]) -> None:
    plan, script, n = case
    job = Simulation(plan, {"n": n}, script).run()
    once: list[str] = []
    for step in job.events(EventKind.STEP):
        assert not set(step["agents"]) & set(step["skipped"])
        if not step.get("rerun"):
            assert not set(step["agents"]) & set(once), f"{step} runs {once} again"
        once += step["agents"]
    for attempt in job.store.attempts.values():
        assert attempt.key.number == 1 or _before(job, attempt).state is AttemptState.FAILED


def _before(job: Simulation, attempt: Any) -> Any:
    key = attempt.key
    return next(
        other
        for other in job.store.attempts.values()
        if (other.key.seq, other.key.agent, other.key.number) == (key.seq, key.agent, key.number - 1)
    )


@settings(max_examples=150)
@given(cases())
def test_the_same_records_always_give_the_same_decision(case: tuple[PinnedPlan, Script, int]) -> None:
    plan, script, n = case
    job = Simulation(plan, {"n": n}, script).run()
    read_back = PinnedPlan.from_dict(plan.to_dict())
    for store in job.history:
        if store.job.status.is_final:
            continue
        moves = [
            decide(store.snapshot(), each, random=lambda: 0.5, owner_is_dead=lambda owner: False)
            for each in (plan, plan, read_back)
        ]
        assert moves[0] == moves[1] == moves[2]


@settings(max_examples=200)
@given(cases(), st.integers(0, 2**32))
def test_the_order_in_which_siblings_end_does_not_change_the_trace(
    case: tuple[PinnedPlan, Script, int], seed: int
) -> None:
    plan, script, n = case
    random = Random(seed)
    first = Simulation(plan, {"n": n}, script).run()
    other = Simulation(plan, {"n": n}, script).run(lambda count: random.randrange(count))
    assert (other.trace, other.results, other.status) == (first.trace, first.results, first.status)


@settings(max_examples=200)
@given(cases(), st.integers(0, 2**32))
def test_a_job_resumed_after_any_prefix_of_its_writes_ends_with_the_same_trace(
    case: tuple[PinnedPlan, Script, int], seed: int
) -> None:
    plan, script, n = case
    random = Random(seed)
    first = Simulation(plan, {"n": n}, script).run(lambda count: random.randrange(count))
    for store in random.sample(first.history, k=min(3, len(first.history))):
        again = first.resumed(store)
        again.run(lambda count: random.randrange(count))
        assert (again.trace, again.results, again.status) == (first.trace, first.results, first.status)


def test_every_single_prefix_of_a_long_job_leads_to_the_same_end() -> None:
    plan = plan_of(
        """
        on_error: continue
        selection_rules:
          - {name: one, agents: [a, {parallel: [b, c, d]}]}
          - name: two
            condition: "results.b.score > 1"
            agents: [{sequential: [a, e]}, {parallel: [a, b], rerun: true}]
          - {name: three, when: failure, agents: [e]}
          - {name: four, when: finally, condition: "exists(results.e)", agents: [], else: [{parallel: [d, e]}]}
        """,
        {name: {"retry": RETRY} for name in AGENTS},
    )
    script = {"b": [stumbles(), gives(score=2)], "c": [fails()], "e": [skips()]}
    whole = Simulation(plan, {}, script).run()
    assert len(whole.history) > 20
    for store in whole.history:
        resumed = whole.resumed(store)
        assert resumed.run().trace == whole.trace
        if store.job.status.is_final:
            assert resumed.ran == []


seeds = st.integers(0, 2**32)
BOSS = {"boss": {"type": "orchestrator", "retry": RETRY}, **{name: {"retry": RETRY} for name in AGENTS}}
turns = st.lists(names.map(lambda agents: asks_for(*agents)) | st.builds(stumbles), max_size=6)


@settings(max_examples=200)
@given(
    turns, outcome_lists(failing=True), st.sampled_from(["stop", "continue"]), st.integers(1, 5), st.integers(0, 2**32)
)
def test_an_orchestrator_agents_job_ends_and_resumes_to_the_same_trace(
    asked: list[AgentOutcome], script: dict[str, list[AgentOutcome]], on_error: str, max_turns: int, seed: int
) -> None:
    plan = plan_of({"strategy": "agent", "on_error": on_error, "max_turns": max_turns}, BOSS)
    script = {**script, "boss": [*asked, gives(done=True)]}
    random = Random(seed)
    first = Simulation(plan, {}, script).run()
    assert sum(1 for step in first.steps if step == ["boss"]) <= max_turns
    workers = [name for step in first.steps for name in step if name != "boss"]
    assert len(workers) == len(set(workers))
    for store in random.sample(first.history, k=min(3, len(first.history))):
        assert first.resumed(store).run(lambda count: random.randrange(count)).trace == first.trace


@settings(max_examples=100)
@given(cases())
def test_a_retried_job_never_runs_a_completed_agent_again(case: tuple[PinnedPlan, Script, int]) -> None:
    plan, script, n = case
    job = Simulation(plan, {"n": n}, script).run()
    if job.status is not JobStatus.FAILED:
        return
    kept = dict(job.results)
    job.retry()
    job.run()
    for event in job.store.events:
        if event.run == 2 and event.kind is EventKind.STEP and not event.data.get("rerun"):
            assert not set(event.data["agents"]) & set(kept)


@settings(max_examples=100)
@given(cases(), st.integers(0, 60))
def test_a_cancel_at_any_moment_starts_nothing_more(case: tuple[PinnedPlan, Script, int], moment: int) -> None:
    plan, script, n = case
    job = Simulation(plan, {"n": n}, script)
    whole = Simulation(plan, {"n": n}, script).run()
    store = whole.history[min(moment, len(whole.history) - 1)]
    job = Simulation(plan, None, script, store=store)
    if job.status.is_final:
        return
    job.cancel()
    started = len(job.ran)
    while not job.status.is_final:
        job.advance()
    assert (job.status, len(job.ran)) == (JobStatus.CANCELLED, started)


@settings(max_examples=200)
@given(cases(), st.dictionaries(st.sampled_from(AGENTS), st.integers(1, 3)))
def test_a_preview_with_all_results_supposed_shows_what_really_runs(
    case: tuple[PinnedPlan, Script, int], scores: dict[str, int]
) -> None:
    plan, _, n = case
    outputs = {name: {"score": scores.get(name, 0)} for name in (*AGENTS, "spare")}
    job = Simulation(plan, {"n": n}, {name: [gives(**output)] for name, output in outputs.items()}).run()
    shown = preview(plan, {"n": n}, outputs)
    assert [list(step.agents) for step in shown.steps if step.agents] == job.steps
    assert shown.reason == job.reason
    verdicts = [(rule.name, rule.verdict, rule.branch) for rule in shown.rules if rule.phase != "failure"]
    assert verdicts == [(data["rule"], data["verdict"], data["branch"]) for data in job.events(EventKind.RULE)]


@settings(max_examples=100)
@given(cases())
def test_a_preview_without_results_marks_what_it_cannot_know_and_ends(case: tuple[PinnedPlan, Script, int]) -> None:
    plan, _, n = case
    shown = preview(plan, {"n": n})
    for rule in shown.rules:
        assert (rule.verdict is None) == bool(rule.waits_for)
        if "results" not in rule.condition and "prev_step" not in rule.condition and rule.phase != "failure":
            assert rule.verdict is not None
