"""What the jobs queue carries: hints with ids only. Losing or repeating one is harmless; the database knows it all.

A message asks to look at a job, asks to perform an attempt, or is Lambda's record of an attempt whose function failed.
"""

from dataclasses import dataclass

from agent_framework.errors import ConfigError
from agent_framework.types import AttemptKey, JSONDict, is_object

PERFORM = "perform"
_MAX_REASON_CHARACTERS = 500
_MOST = 2**31 - 1
"""Above any number that the engine gives, and one that every database keeps."""


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """An attempt whose function ended without an outcome: ``owner`` names the invocation, ``reason`` says why."""

    key: AttemptKey
    owner: str
    reason: str


Wanted = str | AttemptKey | LostAttempt
"""A job to look at (its id), an attempt to perform, or one that was lost."""


def advance_message(job_id: str) -> JSONDict:
    """Look at this job."""
    return {"type": "advance", "job_id": job_id}


def perform_message(key: AttemptKey) -> JSONDict:
    """Perform this attempt."""
    return {
        "type": PERFORM,
        "job_id": key.job_id,
        "run": key.run,
        "seq": key.seq,
        "agent": key.agent,
        "number": key.number,
    }


def invocation_owner(request_id: str) -> str:
    """The name under which one invocation of a function starts attempts."""
    return f"lambda/{request_id}"


def read_message(body: JSONDict) -> Wanted:
    """What a message asks for.

    A bare ``{"job_id": ...}``, as the seed's systems send it, asks to look at the job.

    Raises:
        ConfigError: it is none of these.
    """
    match body:
        case {"type": "perform", "job_id": str(job_id), "agent": str(agent)}:
            return AttemptKey(job_id, _number(body, "run"), _number(body, "seq"), agent, _number(body, "number"))
        case {"requestContext": {"requestId": str(request_id)}, "requestPayload": {"type": "perform"} as payload}:
            return _lost(request_id, payload, body)
        case {"job_id": str(job_id), **others} if others.get("type", "advance") == "advance":
            return job_id
        case _:
            fields = ", ".join(map(str, list(body)[:12])) or "none"  # never their values: they may be anybody's data
            raise ConfigError(
                f"a message of the jobs queue has a job_id and the type advance or perform; this one has: {fields}"[
                    :300
                ]
            )


def _lost(request_id: str, payload: JSONDict, record: JSONDict) -> LostAttempt:
    """Lambda's record of a failed asynchronous invocation, as the failure destination gets it."""
    key = read_message(payload)
    if not isinstance(key, AttemptKey):
        raise ConfigError("Lambda's record of a failed invocation holds no attempt but another record")
    answer = record.get("responsePayload")
    words = answer.get("errorMessage") if is_object(answer) else None
    condition = record["requestContext"].get("condition", "failed")
    reason = f"its function failed ({condition}): {words or 'no message'}"
    return LostAttempt(key, invocation_owner(request_id), reason[:_MAX_REASON_CHARACTERS])


def _number(body: JSONDict, name: str) -> int:
    number = body.get(name)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MOST:
        raise ConfigError(f"a perform message names its attempt by numbers, and its {name} is {number!r:.40}")
    return number
