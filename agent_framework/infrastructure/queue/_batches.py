"""Batches as SQS and EventBridge take them: at most ten entries, bounded in bytes, partly refused at times."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from agent_framework.errors import ProviderError, QueueBatchError

MAX_ENTRIES = 10


def batches(texts: Sequence[str], max_bytes: int, *, overhead_bytes: int = 0) -> Iterator[list[int]]:
    """Positions of ``texts`` in batches of at most ten entries and ``max_bytes`` (a larger text has its own)."""
    batch: list[int] = []
    size = 0
    for position, text in enumerate(texts):
        bytes_here = len(text.encode()) + overhead_bytes
        if batch and (len(batch) == MAX_ENTRIES or size + bytes_here > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(position)
        size += bytes_here
    if batch:
        yield batch


class BatchOutcome:
    """What became of each entry of a call that took several requests."""

    def __init__(self, label: str, complaint: str) -> None:
        self._label = label
        self._complaint = complaint
        self._done: dict[int, str] = {}
        self._failed: dict[int, str] = {}
        self._cause: ProviderError | None = None

    def done(self, position: int, message_id: str) -> None:
        """The entry was taken."""
        self._done[position] = message_id

    def failed(self, position: int, reason: str) -> None:
        """The entry was refused."""
        self._failed[position] = reason

    def add_failures(self, answer: Mapping[str, Any]) -> None:
        """The ``Failed`` entries of an answer of SQS, whose ids are positions."""
        for entry in answer.get("Failed", ()):
            self.failed(int(entry["Id"]), f"{entry['Code']}: {entry.get('Message', 'no reason given')}")

    @contextmanager
    def request(self, batch: Sequence[int]) -> Generator[None, None, None]:
        """Around one request: its error counts for the entries of ``batch``, and the next request is still made."""
        try:
            yield
        except ProviderError as exc:
            self._cause = exc
            for position in batch:
                self.failed(position, str(exc))

    def ids(self) -> list[str]:
        """Message ids in order of position.

        Raises:
            ProviderError: no entry was taken, because of an error of the whole request.
            QueueBatchError: some entries were refused.
        """
        if not self._failed:
            return [self._done[position] for position in sorted(self._done)]
        if self._cause is not None and not self._done:
            raise self._cause
        total = len(self._failed) + len(self._done)
        position, reason = next(iter(sorted(self._failed.items())))
        raise QueueBatchError(
            f"{self._label}: {len(self._failed)} of {total} {self._complaint}; entry {position}: {reason}",
            failed=self._failed,
            done=self._done,
        ) from self._cause
