"""Transaction scripts: transactions without I/O.

A script is a generator: it yields statements, is sent their rows, and returns the result; whoever runs it wraps it in
one transaction. So each transaction is written once, and a backend brings only its driver and its `Dialect`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database._rows import Row
from agent_framework.types import value

T = TypeVar("T")
Params = Mapping[str, Any]


@value
class Statement:
    """One statement with named parameters (``:name``).

    ``many``, on SQLite alone, runs it once for each set of parameters in place of its ``?``; it is answered by one row,
    which says how many rows were ``changed``.

    ``keeps_receipt``: it writes, may be a transaction of its own, and is given a parameter ``receipt`` to store.
    """

    sql: str
    params: Params | None = None
    many: Sequence[tuple[object, ...]] | None = None
    keeps_receipt: bool = False


class UnknownEndError(ProviderError):
    """A transaction was sent, its answer was lost, and how it ended could not be learned: it must not be sent again."""


Script = Generator[Statement, Sequence[Row], T]
"""A transaction: yields statements, is sent their rows, returns a ``T``."""


def drive(script: Script[T], execute: Callable[[Statement], Sequence[Row]]) -> T:
    """Feed a script with the rows of its statements until it returns."""
    try:
        statement = next(script)
        while True:
            statement = script.send(execute(statement))
    except StopIteration as done:
        return done.value


@value
class Dialect:
    """What differs between SQL backends.

    ``now`` is the clock, ``for_update`` locks a selected row until the end, ``epoch`` is a moment long ago. The others
    are templates around a parameter's name: ``seconds`` turns a duration into something that is added to a time,
    ``json`` text into JSON.
    """

    now: str
    for_update: str = ""
    epoch: str = "0"
    seconds: str = ":{}"
    json: str = ":{}"


class DialectScripts:
    """The base of all scripts: SQL with the dialect's expressions in it."""

    apart = False
    """Whether the statements of the engine's scripts are transactions of their own; a script is one otherwise."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._now = dialect.now
        self._for_update = dialect.for_update

    def _sole(self, statement: Statement) -> Statement:
        """A statement, with its rows, that is all that its script writes."""
        return statement

    def _json(self, name: str) -> str:
        return self._dialect.json.format(name)

    def _after(self, name: str) -> str:
        return f"{self._now} + {self._dialect.seconds.format(name)}"

    def _before(self, name: str) -> str:
        return f"{self._now} - {self._dialect.seconds.format(name)}"
