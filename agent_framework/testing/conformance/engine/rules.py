"""Rules: in order, decided when they are reached, by input and results; what runs at once and what in turn."""

from agent_framework.testing.conformance.engine.harness import Case, Play
from agent_framework.testing.conformance.engine.scene import Scene, named, parallel, rule, sequential
from agent_framework.types import EventKind, JobStatus

RULES = Scene(
    "rules",
    named("a", "b", "c", "d"),
    {
        "selection_rules": [
            rule("order", "c", name="first"),
            rule("order", "a", name="second", also="prev_step.by == 'c'"),
            rule("order", "b", name="third", also="results.a.by == 'a' and results.c.by == 'c'"),
            rule("order", "d", name="never", also="results.a.by == 'b'"),
            rule("input", "a", name="large", also="input.rows > 100"),
            rule("input", "b", name="listed", also="input.kind in ['full', 'quick']"),
            rule("input", "c", name="present", also="exists(input.nested.flag)"),
            rule("once", "a", name="one"),
            rule("once", parallel("a", "b"), name="two"),
            rule("once", "a", name="three", also="results.b.by == 'b'"),
            rule("rerun", "a", "b", name="before"),
            rule("rerun", sequential("a", rerun=True), name="again"),
            rule("rerun", "c", name="after", also="results.a.n == 2"),
            rule("parallel", parallel("a", "b", "c"), "d"),
            rule("sequential", sequential("b", "a", "d")),
            rule("previous", parallel("a", "b"), name="pair"),
            rule("previous", "c", name="by name", also="prev_step.a.n == 1 and prev_step.b.n == 2"),
            rule("previous", "d", name="no bare field", also="prev_step.n == 1"),
        ]
    },
)
ELSE = Scene(
    "else",
    named("a", "b", "c"),
    {
        "selection_rules": [
            {"name": "few", "condition": "input.rows < 10", "agents": ["a"], "else": [parallel("b", "c")]},
            {"name": "none", "condition": "input.rows == 0", "agents": [], "else": []},
        ]
    },
)
UNMATCHED = Scene(
    "unmatched",
    named("a", "b"),
    {
        "selection_rules": [
            rule("x", "a", name="needs x"),
            rule("y", "b", name="needs rows", also="input.rows > 3"),
            {"name": "whatever", "condition": "always", "agents": ["b"], "when": "finally"},
        ]
    },
)
NO_RULES = Scene("no-rules", named("a", "b", "c"))
IN_FILE_ORDER = Scene("in-file-order", named("c", "a", "b"), {"strategy": "sequential"})
NARROW = Scene("narrow", named("a", "b", "c", "d"), {"strategy": "parallel", "max_concurrent_agents": 2})


class RuleTests(Case):
    """What rules decide."""

    def test_rules_are_taken_in_order_and_see_the_results_before_them(self, play: Play) -> None:
        ran = play(RULES, "order")
        assert ran.status is JobStatus.COMPLETED
        assert ran.begun == ["c", "a", "b"]
        assert [ran.verdict(name) for name in ("first", "second", "third", "never")] == [True, True, True, False]

    def test_conditions_read_the_input(self, play: Play) -> None:
        assert play(RULES, "input", rows=101, kind="full").begun == ["a", "b"]
        assert play(RULES, "input", rows=100, kind="other", nested={"flag": None}).begun == ["c"]

    def test_else_runs_where_a_condition_does_not_hold(self, play: Play) -> None:
        assert play(ELSE, rows=5).begun == ["a"]
        ran = play(ELSE, rows=50)
        assert (ran.status, sorted(ran.begun)) == (JobStatus.COMPLETED, ["b", "c"])

    def test_an_agent_runs_once_and_a_later_mention_is_recorded(self, play: Play) -> None:
        ran = play(RULES, "once")
        assert ran.begun == ["a", "b"]
        assert ran.skipped == {"a": "already_completed"}

    def test_a_rerun_runs_again_and_its_result_is_the_agents_result(self, play: Play) -> None:
        ran = play(RULES, "rerun", {"a": [{"give": {"n": 1}}, {"give": {"n": 2}}]})
        assert ran.begun == ["a", "b", "a", "c"]
        assert ran.results["a"] == {"n": 2}
        assert [data["superseded"] for data in ran.events(EventKind.STEP) if "superseded" in data] == [{"a": {"n": 1}}]

    def test_parallel_agents_run_at_once_and_the_next_item_waits_for_all(self, play: Play) -> None:
        meet = {name: [{"meet": ["a", "b", "c"]}] for name in ("a", "b", "c")}
        ran = play(RULES, "parallel", meet)
        assert ran.status is JobStatus.COMPLETED
        assert ran.log.index("d begun") > max(ran.log.index(f"{name} ended") for name in "abc")

    def test_sequential_agents_run_one_after_another_in_list_order(self, play: Play) -> None:
        ran = play(RULES, "sequential")
        assert ran.log == [f"{name} {word}" for name in ("b", "a", "d") for word in ("begun", "ended")]

    def test_a_later_agent_is_given_the_results_of_earlier_ones(self, play: Play) -> None:
        ran = play(RULES, "sequential", {"b": [{"give": {"n": 7}}], "d": [{"see": True}]})
        assert ran.results["d"] == {"saw": {"b": {"n": 7}, "a": {"by": "a"}}}

    def test_the_previous_step_is_read_by_name_and_has_no_bare_field_of_several_agents(self, play: Play) -> None:
        ran = play(RULES, "previous", {"a": [{"give": {"n": 1}}], "b": [{"give": {"n": 2}}]})
        assert ran.verdict("by name") is True
        assert ran.verdict("no bare field") is False

    def test_no_rule_that_matches_fails_the_job_and_says_what_was_read(self, play: Play) -> None:
        ran = play(UNMATCHED, "y", rows=2)
        assert ran.status is JobStatus.FAILED
        assert "no rule matched" in ran.reason
        assert "needs x" in ran.reason
        assert "input.rows = 2" in ran.reason
        assert ran.begun == ["b"], "the finally phase runs all the same"

    def test_without_rules_all_workers_run_at_once(self, play: Play) -> None:
        ran = play(NO_RULES, acts={name: [{"meet": ["a", "b", "c"]}] for name in "abc"})
        assert ran.status is JobStatus.COMPLETED
        assert ran.steps == [["a", "b", "c"]]

    def test_the_sequential_strategy_runs_workers_in_the_order_of_the_file(self, play: Play) -> None:
        assert play(IN_FILE_ORDER).begun == ["c", "a", "b"]

    def test_no_more_agents_of_a_job_run_at_once_than_it_may(self, play: Play) -> None:
        pairs = {"a": "b", "b": "a", "c": "d", "d": "c"}
        ran = play(NARROW, acts={name: [{"meet": [other], "sleep": 0.1}] for name, other in pairs.items()})
        running = most = 0
        for line in ran.log:
            running += 1 if line.endswith("begun") else -1
            most = max(most, running)
        assert (ran.status, most) == (JobStatus.COMPLETED, 2)
