"""`BaseAgent`: what a user writes an agent as.

``run`` is a template method over the Agents SDK: job, context, task, model, run, validated output, `finish`. A subclass
may override any part, or ``run`` itself: an agent need not use a model. Nothing of the SDK is loaded before an agent
runs with one.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from agent_framework.config.agent_config import AgentConfig
from agent_framework.core.asking import Resumed
from agent_framework.core.outputs import to_output
from agent_framework.core.sessions import Session
from agent_framework.errors import ApprovalNeeded, ProjectError
from agent_framework.infrastructure.database.base import DatabaseProvider, require_job
from agent_framework.infrastructure.llm.base import OFFLINE, Meter, ModelSpec, build_model
from agent_framework.infrastructure.storage.base import StorageProvider
from agent_framework.types import Job, JSONDict, value

if TYPE_CHECKING:
    from agents import Model

    from agent_framework.infrastructure.llm.runner import Reply

_CONTEXT_CHARACTERS = 20_000


@value
class Turn:
    """One turn of the orchestrator under ``strategy: agent``: what it may ask for, and what it is answered."""

    workers: Mapping[str, str]
    saved: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict[str, Any])


@value
class AgentServices:
    """What the framework gives to an agent for one attempt.

    ``job`` is the job as it stood when the attempt began, with the results of earlier steps, and belongs to the agent.
    """

    config: AgentConfig
    project_dir: Path
    model_spec: ModelSpec
    storage: StorageProvider | None = None
    meter: Meter | None = None
    turn: Turn | None = None
    resumed: Resumed | None = None
    job: Job | None = None
    tracing: bool = False
    session: Session | None = None


@value
class AgentContext:
    """What tools find as ``wrapper.context`` unless an agent makes its own; ``results`` are earlier agents' outputs."""

    job_id: str
    job: Job
    db: DatabaseProvider
    storage: StorageProvider | None
    results: Mapping[str, JSONDict]
    project_dir: Path


class BaseAgent:
    """One agent; an instance serves one attempt.

    Attributes:
        instructions: the system prompt; default: ``<NAME>_INSTRUCTIONS`` of the agent's ``templates`` module.
        tools: functions or ``agent_framework.tool`` objects; default: those that agents.yaml names, from the agent's
            module.
        output_type: a pydantic model (or other object type) that the answer must fit; None for text.
        offline_answer: a method ``(self, turn: OfflineTurn)`` that makes the answer of an offline run from
            ``turn.tool_results``; without it the answer is generated from the output type.
        offline_arguments: by tool name, arguments of the offline run's calls, instead of generated ones.
    """

    name: ClassVar[str] = ""
    instructions: ClassVar[str | None] = None
    tools: ClassVar[Sequence[Any] | None] = None
    output_type: ClassVar[Any] = None
    offline_answer: Any = None
    offline_arguments: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, db: DatabaseProvider, *, services: AgentServices | None = None) -> None:
        self.db = db
        self._services = services
        self._answers: list[Any] = []

    def bind(self, services: AgentServices) -> None:
        """Give the agent what it runs with; called by the framework after construction."""
        self._services = services

    @property
    def services(self) -> AgentServices:
        """What the framework gave.

        Raises:
            ProjectError: the agent was constructed by hand and given nothing.
        """
        if self._services is None:
            raise ProjectError(
                f"{type(self).__name__} was made without services; run it by 'agent-framework test', or through "
                "agent_framework.Project(...).run_agent(...)"
            )
        return self._services

    # -- parts to override -----------------------------------------------------------------------------------

    async def run(self, job_id: str) -> JSONDict:
        """Work on one job and return the output."""
        job = await self.load(job_id)
        context = await self.context(job)
        reply = await self._ask(await self.task(job), context)
        return await self._finished(reply, context)

    async def context(self, job: Job) -> Any:
        """What tools receive."""
        services = self.services
        return AgentContext(job.id, job, self.db, services.storage, job.agent_results, services.project_dir)

    async def task(self, job: Job) -> str:
        """What the model is asked: the job's input, and what earlier agents found."""
        parts = [f"Input:\n{_as_text(job.request_payload)}"]
        parts += [f"Result of {agent}:\n{_as_text(output)}" for agent, output in job.agent_results.items()]
        return "\n\n".join(parts)

    async def finish(self, output: JSONDict, context: Any) -> JSONDict:
        """Last touch on the validated output, for instance storing a file and adding its address."""
        return output

    async def prepare(self, job: Job) -> JSONDict | None:
        """Facts that the orchestrator agent publishes before the rules run; conditions read them as its result."""
        return None

    def build_model(self) -> "Model":
        """The model of this attempt."""
        services = self.services
        if self.is_offline:
            from agent_framework.infrastructure.llm.offline import OfflineModel

            return OfflineModel(answer=self.offline_answer, arguments=dict(self.offline_arguments))
        return build_model(services.model_spec, meter=services.meter)

    # -- what the framework calls ----------------------------------------------------------------------------

    @property
    def agent_name(self) -> str:
        """The name under which agents.yaml knows this agent."""
        return self.services.config.name or self.name or type(self).__name__

    @property
    def is_offline(self) -> bool:
        """Whether this run calls no model, and its answers come from the agents' code."""
        return self.services.model_spec.provider == OFFLINE

    async def load(self, job_id: str) -> Job:
        """The job with the results of earlier steps; siblings that run at the same time are never seen.

        Raises:
            JobNotFoundError
        """
        job = self.services.job
        return job if job is not None and job.id == job_id else await require_job(self.db, job_id)

    async def take_turn(self, job_id: str) -> "Reply":
        """One turn as the orchestrator of ``strategy: agent``: a request for workers, or the answer, through `finish`.

        The answer takes the place of what `prepare` published; ``context.results`` has that under the agent's name.
        """
        job = await self.load(job_id)
        context = await self.context(job)
        reply = await self._ask(await self.task(job), context)
        return reply if reply.calls else replace(reply, output=await self._finished(reply, context))

    async def _finished(self, reply: "Reply", context: Any) -> JSONDict:
        structured = self.services.config.capabilities.structured_output
        return await self.finish(to_output(reply.output, agent=self.agent_name, structured=structured), context)

    async def _ask(self, task: str, context: Any) -> "Reply":
        from agent_framework.infrastructure.llm.runner import Reply, RunRequest, run_agent

        services = self.services
        turn = services.turn or Turn({})
        resumed, number = services.resumed, len(self._answers)
        if resumed is not None and number < len(resumed.answers):
            self._answers.append(resumed.answers[number])
            return Reply(resumed.answers[number])
        if resumed is not None and number > len(resumed.answers):
            resumed = None
        named = services.config.needs_approval
        reply = await run_agent(
            RunRequest(
                name=self.agent_name,
                instructions=self.resolve_instructions(),
                model=self.build_model(),
                task=task,
                tools=self.resolve_tools(),
                output_type=self.resolve_output_type(),
                context=context,
                max_turns=services.config.max_turns,
                workers=turn.workers,
                saved=resumed.saved if resumed else turn.saved,
                answers=turn.answers,
                verdicts=resumed.verdicts if resumed else None,
                needs_approval=frozenset() if isinstance(named, bool) else frozenset(named),
                tracing=services.tracing,
                session=services.session,
            )
        )
        if not reply.questions:
            self._answers.append(reply.output)
            return reply
        tools = ", ".join(question.tool for question in reply.questions)
        raise ApprovalNeeded(
            f"agent {self.agent_name} waits for approval of {tools}, which only a job can do: run it as one",
            {"saved": reply.saved, "answers": list(self._answers), "questions": reply.questions},
        )

    def resolve_instructions(self) -> str:
        """``instructions``, or ``<NAME>_INSTRUCTIONS`` of the module or its ``templates``, or the docstring."""
        if self.instructions is not None:
            return self.instructions
        constant = f"{self.agent_name.upper()}_INSTRUCTIONS"
        module = sys.modules[type(self).__module__]
        templates = sys.modules.get(f"{module.__package__}.templates")
        for place in (module, templates):
            if place is not None and hasattr(place, constant):
                return str(getattr(place, constant))
        return (type(self).__doc__ or self.services.config.description or self.agent_name).strip()

    def resolve_tools(self) -> Sequence[Any]:
        """``tools``, or the ones that agents.yaml names; ``invoke_*`` names are workers and no functions.

        Raises:
            ProjectError: the module has no such tool.
        """
        if self.tools is not None:
            return self.tools
        names = [name for name in self.services.config.tools if not name.startswith("invoke_")]
        return [self._from_module(name, "capabilities.tools") for name in names]

    def resolve_output_type(self) -> Any:
        """``output_type``, or the class that ``capabilities.output_schema`` names."""
        named = self.services.config.capabilities.output_schema
        if self.output_type is not None or named is None:
            return self.output_type
        return self._from_module(named, "capabilities.output_schema")

    def _from_module(self, name: str, field_name: str) -> Any:
        module = sys.modules[type(self).__module__]
        if not hasattr(module, name):
            raise ProjectError(
                f"agents.{self.agent_name}.{field_name} names {name!r}, which {module.__name__} does not define"
            )
        return getattr(module, name)


def _as_text(value: JSONDict) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if len(text) <= _CONTEXT_CHARACTERS:
        return text
    return f"{text[:_CONTEXT_CHARACTERS]}\n... ({len(text) - _CONTEXT_CHARACTERS} characters more)"
