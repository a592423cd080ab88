"""Jobs that wait for people, and writes that are made once: with one process or many, and whatever dies in between."""

from math import ceil

import pytest

from agent_framework.errors import ApprovalUsedError, ApprovalVoidError
from agent_framework.testing.conformance.engine.harness import Case, Play, Playing, Ran
from agent_framework.testing.conformance.engine.scene import Scene, named, parallel, rule
from agent_framework.types import AttemptState, EventKind, JobStatus, JSONDict

CLERK = """\
\"\"\"{name}: calls its tools once each, without a model.\"\"\"

import os
import signal
from pathlib import Path

from agents import Agent, RunContextWrapper

from agent_framework import AgentContext, BaseAgent, agent, tool
from backend.acting import write_line


def _say(context: RunContextWrapper[AgentContext], words: str) -> None:
    job = context.context.job
    log = Path(job.request_payload["log"])
    known = log.read_text("utf-8") if log.exists() else ""
    write_line(log, f"{{job.id}} {{words}}")
    if job.request_payload.get("die") and f"{{job.id}} {{words}}" not in known:
        os.kill(os.getpid(), signal.SIGKILL)


@tool(needs_approval=True, preview=lambda order_id, amount: {{"pays": amount}})
async def refund(context: RunContextWrapper[AgentContext], order_id: str, amount: int) -> dict:
    \"\"\"Pay an order back.\"\"\"
    _say(context, f"paid {{order_id}} {{amount}}")
    return {{"paid": amount}}


@tool(writes=True, key=("order_id",))
async def book(context: RunContextWrapper[AgentContext], order_id: str) -> str:
    \"\"\"Book an order.\"\"\"
    _say(context, f"booked {{order_id}}")
    return "booked"


@tool(writes=True, key=("order_id",), idempotency_key="request")
async def send(context: RunContextWrapper[AgentContext], order_id: str, request: str) -> str:
    \"\"\"Send an order.\"\"\"
    _say(context, f"sent {{request}}")
    return "sent"


@agent("{name}")
class Clerk(BaseAgent):
    \"\"\"Does what its tools do.\"\"\"

    offline_arguments = {{
        "refund": {{"order_id": "o-1", "amount": 5}}, "book": {{"order_id": "o-1"}}, "send": {{"order_id": "o-1"}}
    }}

    def resolve_tools(self):
        if "{name}" != "manager":
            return [{tools}]
        helper = Agent(name="helper", instructions="Help.", tools=[refund], model=self.build_model())
        return [helper.as_tool("ask_helper", "Asks the helper.")]

    def offline_answer(self, turn):
        return str(dict(turn.tool_results))
"""


def _clerks(**tools: str) -> dict[str, str]:
    return {name: CLERK.format(name=name, tools=tool) for name, tool in tools.items()}


APPROVALS = Scene(
    "approvals",
    {
        **named("a", "last"),
        **named("gated", needs_approval=True),
        **named("cashier", "manager", "booker", "sender"),
        **named("noter", needs_approval=["book"]),
    },
    {
        "selection_rules": [
            rule("gate", parallel("a", "gated"), "last"),
            rule("tool", "cashier", "last"),
            rule("together", parallel("cashier", "a"), "last"),
            rule("nested", "manager", "last"),
            rule("named", "noter", "last"),
            rule("book", "booker", "last"),
            rule("send", "sender", "last"),
        ]
    },
    _clerks(cashier="refund", manager="", booker="book", sender="send", noter="book"),
    {"provider": "offline"},
)


def hurried(pace: float) -> Scene:
    """A project in which people have a second to decide, where time goes as usual, and jobs have two seconds."""
    more: JSONDict = {"approvals": {"expires_seconds": ceil(pace)}}
    agents = {**named("gated", needs_approval=True), **named("last")}
    return Scene("hurried-approvals", agents, {"strategy": "sequential"}, more=more)


def patient(pace: float) -> Scene:
    """A project whose jobs have a deadline that waiting does not count against."""
    orchestration = {"strategy": "sequential", "timeout_seconds": ceil(2 * pace)}
    return Scene("patient", {**named("gated", needs_approval=True), **named("last")}, orchestration)


class ApprovalTests(Case):
    """What happens when somebody must approve, and when a write was interrupted."""

    def test_an_agent_that_needs_approval_starts_after_it_and_its_siblings_do_not_wait(self, play: Play) -> None:
        job = play.start(APPROVALS, "gate")
        waiting = job.rest()
        assert (waiting.status, waiting.begun) == (JobStatus.WAITING_FOR_APPROVAL, ["a"])
        [approval] = job.waits_for()
        assert (approval.agent, approval.tool, approval.user_id) == ("gated", None, "local")
        job.decide(approve=True)
        ran = job.rest()
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["a", "gated", "last"])
        assert [data["decision"] for data in ran.events(EventKind.APPROVAL)] == ["approved"]

    def test_an_agent_whose_start_is_rejected_is_left_out_and_the_job_goes_on(self, play: Play) -> None:
        job = play.start(APPROVALS, "gate")
        job.rest()
        job.decide(approve=False, reason="not today")
        ran = job.rest()
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["a", "last"])
        [decision] = ran.events(EventKind.APPROVAL)
        assert (decision["decision"], decision["by"], decision["reason"]) == ("rejected", "kim", "not today")

    def test_row_33_an_approved_call_is_made_once_with_what_was_shown(self, play: Play) -> None:
        job = play.start(APPROVALS, "tool")
        waiting = job.rest()
        assert (waiting.status, waiting.log) == (JobStatus.WAITING_FOR_APPROVAL, [])
        assert waiting.states("cashier") == [AttemptState.WAITING]
        [approval] = job.waits_for()
        assert (approval.tool, approval.arguments) == ("refund", {"order_id": "o-1", "amount": 5})
        assert approval.preview == {"pays": 5}
        job.decide(approve=True)
        ran = job.rest()
        assert ran.status is JobStatus.COMPLETED
        assert ran.results["cashier"] == {"result": "{'refund': {'paid': 5}}"}
        assert ran.log[0] == "paid o-1 5"
        assert ran.begun == ["last"]
        assert ran.states("cashier") == [AttemptState.WAITING, AttemptState.SUCCEEDED]

    def test_a_rejected_call_is_not_made_and_the_model_is_told_why(self, play: Play) -> None:
        job = play.start(APPROVALS, "tool")
        job.rest()
        job.decide(approve=False, reason="wrong customer")
        ran = job.rest()
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["last"])
        assert "paid o-1 5" not in ran.log
        assert "rejected by kim: wrong customer" in ran.results["cashier"]["result"]

    def test_siblings_of_a_waiting_agent_settle_and_are_stored(self, play: Play) -> None:
        job = play.start(APPROVALS, "together")
        waiting = job.rest()
        assert (waiting.status, waiting.results) == (JobStatus.WAITING_FOR_APPROVAL, {"a": {"by": "a"}})
        job.decide(approve=True)
        ran = job.rest()
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["a", "last"])

    def test_a_call_deep_in_an_agent_that_is_a_tool_is_approved_too(self, play: Play) -> None:
        job = play.start(APPROVALS, "nested")
        assert job.rest().status is JobStatus.WAITING_FOR_APPROVAL
        job.decide(approve=True)
        ran = job.rest()
        assert ran.status is JobStatus.COMPLETED
        assert sum(line.startswith("paid") for line in ran.log) == 1

    def test_agents_yaml_names_tools_that_need_approval(self, play: Play) -> None:
        job = play.start(APPROVALS, "named")
        assert job.rest().log == []
        job.decide(approve=True)
        assert job.rest().log[0] == "booked o-1"

    def test_row_33_a_second_decision_is_refused(self, play: Play) -> None:
        job = play.start(APPROVALS, "tool")
        job.rest()
        [approval] = job.waits_for()
        job.decide(approve=True)
        job.rest()
        with pytest.raises(ApprovalUsedError):
            job.place.decide(job.id, approval.id, approve=False, reason="too late")
        assert sum(line.startswith("paid") for line in job.rest().log) == 1

    def test_a_waiting_job_can_be_cancelled_and_its_question_is_void(self, play: Play) -> None:
        job = play.start(APPROVALS, "tool")
        job.rest()
        [approval] = job.waits_for()
        job.cancel()
        ran = _until_over(job)
        assert (ran.status, ran.log) == (JobStatus.CANCELLED, [])
        with pytest.raises(ApprovalVoidError):
            job.place.decide(job.id, approval.id, approve=True)

    def test_row_33_a_question_that_nobody_answers_in_time_counts_as_rejected(self, play: Play) -> None:
        ran = _until_over(play.start(hurried(self.pace)))
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["last"])
        [decision] = ran.events(EventKind.APPROVAL)
        assert decision["decision"] == "expired"

    def test_a_jobs_deadline_does_not_count_the_time_of_waiting(self, play: Play) -> None:
        job = play.start(patient(self.pace))
        job.rest()
        job.pause(2.5 * self.pace)
        job.decide(approve=True)
        ran = job.rest()
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["gated", "last"])

    def test_a_write_is_made_once(self, play: Play) -> None:
        ran = play(APPROVALS, "book")
        assert (ran.status, ran.log[0]) == (JobStatus.COMPLETED, "booked o-1")

    def test_row_3_an_interrupted_write_of_a_keyless_tool_needs_review_and_is_not_made_again(self, play: Play) -> None:
        self.need("crashes")
        job = play.start(APPROVALS, "book", die=True)
        ran = job.rest()
        assert (ran.status, ran.log) == (JobStatus.NEEDS_REVIEW, ["booked o-1"])
        assert 'book(order_id="o-1")' in ran.reason
        assert "jobs resolve" in ran.reason

    def test_row_3_a_write_that_a_person_settles_as_done_is_not_made_any_more(self, play: Play) -> None:
        self.need("crashes")
        job = play.start(APPROVALS, "book", die=True)
        job.rest()
        job.resolve(done=True)
        ran = _until_over(job)
        assert (ran.status, ran.log.count("booked o-1")) == (JobStatus.COMPLETED, 1)
        assert ran.snapshot.job.run == 2

    def test_row_3_a_write_that_a_person_settles_as_not_done_is_made_by_the_next_attempt(self, play: Play) -> None:
        self.need("crashes")
        job = play.start(APPROVALS, "book", die=True)
        job.rest()
        job.resolve(done=False)
        ran = _until_over(job)
        assert (ran.status, ran.log.count("booked o-1")) == (JobStatus.COMPLETED, 2)

    def test_row_2_an_interrupted_write_with_an_idempotency_key_is_repeated_with_the_same_key(self, play: Play) -> None:
        self.need("crashes")
        ran = play(APPROVALS, "send", die=True)
        assert ran.status is JobStatus.COMPLETED
        sent = [line for line in ran.log if line.startswith("sent ")]
        assert len(sent) == 2
        assert len(set(sent)) == 1


def _until_over(job: Playing) -> Ran:
    """Look at the job until it is final; nobody else may be there to see that a question has expired."""
    while not job.place.load(job.id).job.status.is_final:
        job.pause(0.3)
        job.wake()
    return job.rest()
