"""The names of items: partition key ``PK`` and sort key ``SK``.

    PK               SK
    JOB#<id>         ATTEMPT#<run>#<seq>#<number>#<agent>   one attempt
                     EVENT#<seq>                            one event of the trace
                     JOURNAL#<commit>#<part>                a large commit on its way into the table (see `journal`)
                     META                                   status, run, epoch, signals, lease, due time: small and hot
                     PLAN                                   the pinned plan of one run
                     REQUEST                                the request, written once
                     RESULT#<agent>                         the agent's newest result
    CLIENT#<user>    KEY#<client key>                       which job a client's key stands for
    DOC#<namespace>  KEY#<key>                              one document
    SCHEMA           SCHEMA                                 the version of this layout

Numbers are padded, so that items of a job sort in the order of its life. Where text of a caller stands in a key it
stands last, so no two names can meet.
"""

from zlib import crc32

from agent_framework.errors import ProviderError
from agent_framework.types import AttemptKey

Key = tuple[str, str]
"""Partition key and sort key of one item."""

META, PLAN, REQUEST = "META", "PLAN", "REQUEST"
EVENTS, ATTEMPTS, RESULTS, JOURNALS = "EVENT#", "ATTEMPT#", "RESULT#", "JOURNAL#"
SCHEMA: Key = ("SCHEMA", "SCHEMA")
DUE_SHARDS = 4
"""Partitions of the due index: each takes 1,000 writes a second."""

_PK_BYTES, _SK_BYTES = 2048, 1024


def checked(key: Key) -> Key:
    """The key, if DynamoDB can keep it.

    Raises:
        ProviderError: it is longer than 2,048 (partition) or 1,024 (sort) bytes, or no valid text.
    """
    for text, limit in zip(key, (_PK_BYTES, _SK_BYTES), strict=True):
        try:
            size = len(text.encode())
        except UnicodeEncodeError as exc:
            raise ProviderError(f"dynamodb cannot store the key {text[:80]!r}: {exc}; use valid Unicode text") from exc
        if size > limit:
            raise ProviderError(
                f"dynamodb cannot store the key {text[:80]!r}... of {size:,} bytes; use a shorter name or id "
                f"(the limit is {limit:,} bytes)"
            )
    return key


def job(job_id: str) -> str:
    """The partition of a job."""
    return f"JOB#{job_id}"


def meta(job_id: str) -> Key:
    """The hot item of a job."""
    return checked((job(job_id), META))


def plan(job_id: str) -> Key:
    """The pinned plan of a job."""
    return checked((job(job_id), PLAN))


def request(job_id: str) -> Key:
    """The request of a job."""
    return checked((job(job_id), REQUEST))


def event(job_id: str, seq: int) -> Key:
    """One event."""
    return checked((job(job_id), f"{EVENTS}{seq:010d}"))


def attempt(key: AttemptKey) -> Key:
    """One attempt."""
    return checked((job(key.job_id), f"{ATTEMPTS}{key.run:06d}#{key.seq:010d}#{key.number:06d}#{key.agent}"))


def result(job_id: str, agent: str) -> Key:
    """The newest result of one agent."""
    return checked((job(job_id), RESULTS + agent))


def journal(job_id: str, commit: str, part: int) -> Key:
    """One part of a large commit."""
    return checked((job(job_id), f"{JOURNALS}{commit}#{part:04d}"))


def client(user_id: str, client_key: str) -> Key:
    """What a client's key stands for."""
    return checked((f"CLIENT#{user_id}", f"KEY#{client_key}"))


def document(namespace: str, key: str) -> Key:
    """One document."""
    return checked((f"DOC#{namespace}", f"KEY#{key}"))


def user(user_id: str) -> str:
    """The user in the index ``by_user``."""
    return f"USER#{user_id}"


def created(at: float, job_id: str) -> str:
    """Sorts jobs by creation (to the microsecond), then by id."""
    return f"{at:020.6f}#{job_id}"


def due(job_id: str) -> str:
    """The partition of the due index in which a job waits."""
    return f"DUE#{crc32(meta(job_id)[0].encode()) % DUE_SHARDS}"
