"""Circuit breakers around attempts, shared by all processes of a stage through the document store.

A closed circuit costs one read for each attempt, and one write for each failure that counts. Where the store cannot be
asked, or holds an entry of a newer version, the attempt goes on unguarded: a breaker protects, it must not be one more
thing that fails. The attempt's outcome says so, and why.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent_framework.config.agent_config import AgentConfig, CircuitBreaker
from agent_framework.core.circuit import Circuit, CircuitState, Limits, Verdict, admit, settle, verdict_of
from agent_framework.core.execution import Run, failure
from agent_framework.core.pinned import GRACE_S
from agent_framework.core.shared_entry import change_entry, went_without
from agent_framework.core.work import Work
from agent_framework.errors import CircuitOpenError, EntryVersionError, ProviderError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import AgentOutcome, JSONDict, Usage

NAMESPACE = "circuits"
_KEPT_S = 7 * 86_400.0
_MAX_REASON = 300

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CircuitStatus:
    """One circuit as `status` shows it. ``problem`` says why it cannot be read, where that is so."""

    name: str
    agents: tuple[str, ...]
    state: CircuitState
    failures: int = 0
    open_for_s: float = 0.0
    reason: str = ""
    problem: str | None = None

    def to_dict(self) -> JSONDict:
        """The JSON form; an unreadable circuit has the state ``unknown``."""
        return {
            "name": self.name,
            "agents": list(self.agents),
            "state": "unknown" if self.problem else self.state.value,
            "failures": self.failures,
            "open_for_seconds": round(self.open_for_s, 3),
            "reason": self.reason or None,
            "problem": self.problem,
        }


def circuit_name(agent: str, breaker: CircuitBreaker) -> str:
    """The circuit of an agent: its own, or one that it shares."""
    return breaker.target or agent


class CircuitGuard:
    """Runs attempts of agents that have a ``circuit_breaker``, or refuses them."""

    def __init__(self, db: DatabaseProvider) -> None:
        self._db = db

    async def around(self, work: Work, breaker: CircuitBreaker, run: Run) -> AgentOutcome:
        """The outcome of ``run``, or of a refusal, which makes no call and costs nothing."""
        name, limits = circuit_name(work.performer, breaker), _limits(breaker)
        trial_s = work.plan.policy(work.performer).timeout_s + GRACE_S
        refused_s, problem = await self._refused(name, limits, str(work.key), trial_s)
        if refused_s is not None:
            error = CircuitOpenError(
                f"the circuit of {name} is open after too many failures; it is tried again in {refused_s:.0f} s",
                retry_after_s=refused_s,
            )
            outcome = failure(error, Usage())
            return replace(outcome, detail={**outcome.detail, "circuit": CircuitState.OPEN.value})
        outcome = await run()
        await self._settle(name, limits, str(work.key), outcome)
        return went_without(outcome, problem)

    async def _refused(self, name: str, limits: Limits, trial: str, trial_s: float) -> tuple[float | None, str | None]:
        """Seconds for which the attempt is refused (None: it may start), and why the circuit could not be asked."""
        try:
            document = await self._db.get_document(NAMESPACE, name)
            if document is None or Circuit.from_dict(document.body, name).state is CircuitState.CLOSED:
                return None, None
            now, refused_s = await self._db.now(), None

            def ask(body: JSONDict | None) -> JSONDict | None:
                nonlocal refused_s
                circuit = Circuit.from_dict(body, name) if body else Circuit()
                admission = admit(circuit, limits, now=now, trial=trial, trial_s=trial_s)
                refused_s = admission.refused_s
                return None if admission.circuit == circuit else admission.circuit.to_dict()

            await change_entry(self._db, NAMESPACE, name, ask, ttl_s=_KEPT_S)
        except ProviderError as exc:
            logger.warning("attempt %s runs without its circuit breaker: %s", trial, exc)
            return None, f"circuit breaker: {exc}"
        return refused_s, None

    async def _settle(self, name: str, limits: Limits, trial: str, outcome: AgentOutcome) -> None:
        verdict, reason = verdict_of(outcome), (outcome.error or "")[:_MAX_REASON]
        try:
            if verdict is not Verdict.FAILED and not await self._is_half_open(name):
                return
            now = await self._db.now()

            def change(body: JSONDict | None) -> JSONDict | None:
                circuit = Circuit.from_dict(body, name) if body else Circuit()
                after = settle(circuit, limits, verdict, now=now, trial=trial, reason=reason)
                return None if after == circuit else after.to_dict()

            changed = await change_entry(self._db, NAMESPACE, name, change, ttl_s=_KEPT_S)
        except ProviderError as exc:
            logger.warning("attempt %s was not told to its circuit breaker: %s", trial, exc)
            return
        if changed is not None and changed["state"] == CircuitState.OPEN:
            logger.warning("the circuit of %s opened for %g s: %s", name, limits.open_s, reason)

    async def _is_half_open(self, name: str) -> bool:
        document = await self._db.get_document(NAMESPACE, name)
        return document is not None and Circuit.from_dict(document.body, name).state is CircuitState.HALF_OPEN

    # -- for people ------------------------------------------------------------------------------------------

    async def status(self, agents: Sequence[AgentConfig]) -> list[CircuitStatus]:
        """The circuits of these agents, by name."""
        users: dict[str, list[str]] = {}
        for agent in agents:
            if agent.circuit_breaker is not None:
                users.setdefault(circuit_name(agent.name, agent.circuit_breaker), []).append(agent.name)
        now = await self._db.now()
        return [await self._status(name, tuple(users[name]), now) for name in sorted(users)]

    async def _status(self, name: str, agents: tuple[str, ...], now: float) -> CircuitStatus:
        document = await self._db.get_document(NAMESPACE, name)
        if document is None:
            return CircuitStatus(name, agents, CircuitState.CLOSED)
        try:
            circuit = Circuit.from_dict(document.body, name)
        except EntryVersionError as exc:
            return CircuitStatus(name, agents, CircuitState.CLOSED, problem=str(exc))
        open_for_s = max(0.0, circuit.open_until - now) if circuit.state is CircuitState.OPEN else 0.0
        return CircuitStatus(name, agents, circuit.shown_state(now), len(circuit.failed_at), open_for_s, circuit.reason)

    async def close(self, name: str) -> bool:
        """Close a circuit by hand; whether it was not closed before.

        Raises:
            EntryVersionError: a newer version of the package wrote it.
        """

        def change(body: JSONDict | None) -> JSONDict | None:
            circuit = Circuit.from_dict(body, name) if body else Circuit()
            return None if circuit == Circuit() else Circuit().to_dict()

        return await change_entry(self._db, NAMESPACE, name, change, ttl_s=_KEPT_S) is not None


def _limits(breaker: CircuitBreaker) -> Limits:
    return Limits(breaker.failures, breaker.window_seconds, breaker.open_seconds, breaker.half_open_calls)
