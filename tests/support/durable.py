"""Jobs on the durable engine, with AWS's own test runner in the place of AWS.

The runner keeps checkpoints and replays as Lambda does; each agent is a registered function in which the real
`Performer` works on the project's SQLite file, under an owner of its own as in a Lambda process of its own.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient, InitialExecutionState
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

from agent_framework import Project
from agent_framework.core.durable_handler import LoopThread, durable_engine
from agent_framework.core.durable_receipts import Receipts, UnstartedAttempts
from agent_framework.core.execution import Performer
from agent_framework.core.messages import read_message
from agent_framework.core.trace import canonical, trace
from agent_framework.infrastructure.compute.durable_functions import durable_function
from agent_framework.infrastructure.compute.durable_start import execution_name, start_event
from agent_framework.types import AttemptKey, Snapshot

JSONDict = dict[str, Any]
Hook = Callable[[AttemptKey], None]


async def nobody(job_id: str) -> None:
    """A worker of the durable engine wakes nobody: AWS resumes the execution."""


class NoService:
    """The service of a replay: whoever asks it for anything has done something new."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a replay asked the service to {name}")


@dataclass
class DurableProject:
    """An open project whose jobs run as durable executions.

    ``before`` and ``after`` are called in an agent's worker around its work. ``absent`` agents have no function, that
    of ``idle`` ones does nothing. ``lose_answers``: so many steps do their work and fail before it is checkpointed;
    ``between`` is called between the work of a step and its checkpoint.
    """

    project: Project
    loop: LoopThread
    skip_time: bool = False
    max_operations: int = 3000
    before: dict[str, Hook] = field(default_factory=dict)
    after: dict[str, Hook] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    idle: set[str] = field(default_factory=set)
    lose_answers: int = 0
    between: Callable[[], None] = lambda: None
    invoked: list[str] = field(default_factory=list)
    carried_on: list[int] = field(default_factory=list)
    results: list[JSONDict] = field(default_factory=list)
    executions: list[Any] = field(default_factory=list)
    bodies: int = 0

    # -- running ---------------------------------------------------------------------------------------------

    def submit(self, job_input: JSONDict | None = None) -> str:
        """A stored job."""
        return self.loop.wait_for(self.project.jobs.submit(job_input or {}))

    def run(self, job_input: JSONDict | None = None) -> Snapshot:
        """Submit a job and run its executions to the end."""
        return self.execute(self.submit(job_input))

    def execute(self, job_id: str, *, run: int = 1, part: int = 1) -> Snapshot:
        """Run one execution of the job and those that carry it on."""
        while self.execute_part(job_id, run, part)["status"] == "continued":
            part += 1
        return self.snapshot(job_id)

    def execute_part(self, job_id: str, run: int = 1, part: int = 1) -> JSONDict:
        """Run one execution to its end and return its receipt."""
        with self.runner_of() as runner:
            event = json.dumps(start_event(job_id, run, part))
            name = execution_name(job_id, run, part)
            arn = runner.run_async(input=event, execution_timeout=60, execution_name=name)
            done = runner.wait_for_result(arn, timeout=60)
            self.executions.append(runner._store.load(arn))
        assert done.status.value == "SUCCEEDED", done.error
        self.results.append(json.loads(done.result))
        return self.results[-1]

    def replay(self) -> JSONDict:
        """Run the body of the last execution again, from nothing but its checkpoints."""
        execution = self.executions[-1]
        state = InitialExecutionState(operations=list(execution.operations), next_marker="")
        event = DurableExecutionInvocationInputWithClient(
            execution.durable_execution_arn, "token", state, service_client=NoService()
        )
        answer = self._handler()(event, None)
        assert answer["Status"] == "SUCCEEDED", answer
        return json.loads(answer["Result"])

    @contextmanager
    def runner_of(self) -> Iterator[Any]:
        """A test runner with the functions of the project's agents."""
        loader = self.project.loader
        with DurableFunctionTestRunner(self._handler(), skip_time=self.skip_time) as runner:
            for agent in self.project.registry.list_agents():
                if agent not in self.absent:
                    name = f"{loader.get_project_name()}-{loader.stage}-{agent}"
                    runner.register_function(name, self.worker(agent))
            yield runner
        runner._scheduler._loop.close()  # the runner stops its event loop and leaves it open

    def _handler(self) -> Callable[[Any, Any], Any]:
        engine = durable_engine(
            self.project, wait_for=self._wait_for, carry_on=self._carry_on, max_operations=self.max_operations
        )

        def body(event: JSONDict, context: Any) -> JSONDict:
            self.bodies += 1
            return engine.run(event, context)

        return durable_function(body)

    def _wait_for(self, work: Awaitable[Any]) -> Any:
        answer = self.loop.wait_for(work)
        self.between()
        if self.lose_answers > 0:
            self.lose_answers -= 1
            raise ConnectionError("the answer of the step was lost")
        return answer

    async def _carry_on(self, function_arn: str, job_id: str, run: int, part: int) -> str:
        self.carried_on.append(part)
        return execution_name(job_id, run, part)

    def worker(self, agent: str) -> Callable[[Any, Any], Any]:
        """The function of ``agent``."""
        project = self.project

        def work(event: JSONDict, context: Any) -> JSONDict:
            key = read_message(event)
            assert isinstance(key, AttemptKey)
            self.invoked.append(f"{agent} for {key.seq}/{key.agent}/{key.number}")
            if agent in self.idle:
                return {}
            if agent in self.before:
                self.before[agent](key)
            performer = Performer(
                project.jobs.db, project.runner, owner=f"lambda|{agent}|{len(self.invoked)}", wake=nobody
            )
            self.loop.wait_for(performer.perform(key))
            if agent in self.after:
                self.after[agent](key)
            return {"performed": str(key)}

        return work

    # -- looking ---------------------------------------------------------------------------------------------

    def receipts(self) -> Receipts:
        """What an execution asks, for tests that decide without one."""
        return Receipts(self.project.engine_with(UnstartedAttempts()))

    def snapshot(self, job_id: str) -> Snapshot:
        """What the database has of the job."""
        found = self.loop.wait_for(self.project.db.load(job_id))
        assert found is not None
        return found

    @property
    def operations(self) -> list[JSONDict]:
        """All operations of the last execution, as the service stores them."""
        return [operation.to_json_dict() for operation in self.executions[-1].operations]

    @property
    def counted(self) -> list[int]:
        """How many operations each execution has used."""
        return [len(execution.operations) for execution in self.executions]


@contextmanager
def durable(project: Project, **options: Any) -> Iterator[DurableProject]:
    """``project`` on the durable engine."""
    loop = LoopThread()
    loop.wait_for(project.__aenter__())
    try:
        yield DurableProject(project, loop, **options)
    finally:
        loop.wait_for(project.close())
        loop.close()


def canonical_trace(snapshot: Snapshot) -> list[JSONDict]:
    """The trace without what differs between equal runs."""
    return canonical(trace(snapshot))
