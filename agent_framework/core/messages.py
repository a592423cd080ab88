"""What the jobs queue carries: hints with ids only. Losing or repeating one is harmless; the database knows it all."""

from agent_framework.errors import ConfigError
from agent_framework.types import AttemptKey, JSONDict


def advance_message(job_id: str) -> JSONDict:
    """Look at this job."""
    return {"type": "advance", "job_id": job_id}


def perform_message(key: AttemptKey) -> JSONDict:
    """Perform this attempt."""
    return {
        "type": "perform",
        "job_id": key.job_id,
        "run": key.run,
        "seq": key.seq,
        "agent": key.agent,
        "number": key.number,
    }


def read_message(body: JSONDict) -> str | AttemptKey:
    """The id of a job to look at, or the key of an attempt to perform.

    A bare ``{"job_id": ...}``, as the seed's systems send it, asks to look at the job.

    Raises:
        ConfigError: it is neither.
    """
    match body:
        case {"type": "perform", "job_id": str(job_id), "run": int(run), "seq": int(seq), "agent": str(agent)}:
            return AttemptKey(job_id, run, seq, agent, _number(body))
        case {"job_id": str(job_id), **others} if others.get("type", "advance") == "advance":
            return job_id
        case _:
            raise ConfigError(
                f"a message of the jobs queue has a job_id and the type advance or perform, not {body}"[:300]
            )


def _number(body: JSONDict) -> int:
    number = body.get("number")
    if not isinstance(number, int):
        raise ConfigError(f"a perform message has the number of its attempt, not {number!r}")
    return number
