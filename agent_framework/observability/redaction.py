"""Keeps secrets out of what is written: logs, errors, stored failures, traces, recorded calls, answers of tools.

`redact` knows two things: the values that this process was told are secret (`remember`: the environment, Secrets
Manager, keys of models, passwords of databases), in the spellings in which they turn up, and the well-known forms of
keys and tokens. The second is a net for what nobody told; nothing relies on it alone. `masked` goes through data and
hides the values alone, because a result may well talk about keys.

Short values, and short words of small letters, are nobody's secret: hiding them would make every message unreadable.
"""

import json
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast
from urllib.parse import quote

from agent_framework.errors import AgentFrameworkError
from agent_framework.types import is_array, is_object

T = TypeVar("T")

MASK = "[redacted]"
MIN_CHARACTERS = 8
MIN_LETTERS = 12
"""Characters from which a value of small letters alone counts; ``postgres`` is a password that hides nothing."""

WORDS_OF_SECRETS = "KEY|TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|DSN|DATABASE_URL|CONNECTION_STRING"
"""A variable whose name holds one of these is a secret; the Terraform modules refuse plain values for such names."""

_SECRET_NAME = re.compile(WORDS_OF_SECRETS)
_PLACE_NAME = re.compile(r"_(ARN|NAME|PATH|FILE|ID)$")
_PRIVATE_KEY = r"-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----(?:[^-]*-----END\ [A-Z ]*PRIVATE\ KEY-----)?"
_SECRET_VALUE = re.compile(
    r"-----BEGIN|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bsk-[\w-]{16,}|\bgh[pousr]_\w{20,}|\bxox[abprs]-|\beyJ[\w-]{10,}\.[\w-]+\."
    r"|\w://[^\s/:@]*:[^\s/@]+@"
)
_FIELDS = "password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|sslpassword"
_FORMS = re.compile(
    rf"""
      \bsk-[A-Za-z0-9_*.\-]{{6,}}                          # OpenAI, Anthropic and alike, also half-masked ones
    | \b(?:AKIA|ASIA)[A-Z0-9]{{12,}}\b                     # AWS access key ids
    | \bABSK[A-Za-z0-9+/=]{{16,}}                          # Bedrock API keys
    | \bgh[pousr]_\w{{20,}}                                # GitHub
    | \bxox[abprs]-[\w-]{{8,}}                             # Slack
    | \beyJ[\w-]{{10,}}\.[\w-]+\.[\w-]*                    # JSON Web Tokens
    | {_PRIVATE_KEY}
    | (?<=Bearer\ )[A-Za-z0-9._~+/=\-]{{8,}}               # authorization headers
    | (?<=Basic\ )(?=\S*[0-9=])[A-Za-z0-9+/]{{8,}}={{0,2}}
    | (?<=://)[^/@\s]+(?=@)                               # user and password in an address
    | (?<=Signature=)[0-9a-f]{{16,}}                       # AWS signatures
    | (?<![A-Za-z])(?i:{_FIELDS})=['"]?                   # password=..., in conninfo strings and links to approvals
      (?P<value>[^\s&,;'"\\<>()\[\]]{{6,}})
    """,
    re.VERBOSE,
)


class _Known:
    """The secret values of this process, each with its spellings, as one expression."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: frozenset[str] = frozenset()
        self.expression: re.Pattern[str] | None = None

    def add(self, values: frozenset[str]) -> None:
        with self._lock:
            self.set(self._values | values)

    def set(self, values: frozenset[str]) -> None:
        if values != self._values:
            longest_first = sorted(values, key=lambda value: (-len(value), value))
            self.expression = re.compile("|".join(map(re.escape, longest_first))) if values else None
            self._values = values

    @property
    def values(self) -> frozenset[str]:
        return self._values


_known = _Known()


def remember(*values: str | None) -> None:
    """From now on `redact` and `masked` hide these values wherever they turn up in this process."""
    _known.add(frozenset(spelling for value in values if value and _counts(value) for spelling in _spellings(value)))


def remember_environment(environ: Mapping[str, str]) -> None:
    """`remember` the values of variables whose names say that they are secret."""
    remember(*secret_variables(environ).values())


def secret_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``environ`` that hold secrets, without those whose values are too short to be any."""
    return {name: value for name, value in environ.items() if is_secret_name(name) and _counts(value)}


@contextmanager
def forgetting() -> Generator[None]:
    """Know nothing inside, and afterwards what was known before; for tests."""
    before = _known.values
    _known.set(frozenset())
    try:
        yield
    finally:
        _known.set(before)


def redact(text: str, *secrets: str | None) -> str:
    """``text`` without ``secrets``, the remembered values, and whatever looks like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return _FORMS.sub(_hidden, _without_known(text))


def masked(value: T) -> T:
    """JSON data in which the remembered values are hidden in every text, keys of objects included."""
    return value if _known.expression is None else cast(T, _masked(value))


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret: ``API_KEY`` does, ``API_KEY_ARN`` says where it is."""
    upper = name.upper()
    return bool(_SECRET_NAME.search(upper)) and not _PLACE_NAME.search(upper)


def looks_secret(value: str) -> bool:
    """Whether a value has the form of a key, a token or an address with a password."""
    return bool(_SECRET_VALUE.search(value))


@contextmanager
def redacted_errors() -> Generator[None]:
    """An error whose words hold a secret leaves as one without: for places where others write errors down.

    Raises:
        AgentFrameworkError: in its place, with its type in the words.
    """
    try:
        yield
    except Exception as exc:
        text = str(exc)
        clean = redact(text)
        if clean == text:
            raise
        raise AgentFrameworkError(f"{type(exc).__name__}: {clean}").with_traceback(exc.__traceback__) from None


def _counts(value: str) -> bool:
    only_letters = value.isalpha() and value.islower()
    return len(value.strip()) >= (MIN_LETTERS if only_letters else MIN_CHARACTERS)


def _spellings(value: str) -> set[str]:
    """As it is, in an address, in JSON, in Python's notation; of a text of several lines each longer line too."""
    value = value.strip()
    lines = [line.strip() for line in value.splitlines()] if "\n" in value else []
    return {
        value,
        quote(value, safe=""),
        quote(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        *(line for line in lines if len(line) >= 2 * MIN_CHARACTERS and not line.startswith("-----")),
    }


def _without_known(text: str) -> str:
    expression = _known.expression
    return text if expression is None else expression.sub(MASK, text)


def _hidden(found: re.Match[str]) -> str:
    value = found["value"]
    return MASK if value is None else found[0].removesuffix(value) + MASK


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _without_known(value)
    if is_object(value):
        return {_masked(key): _masked(item) for key, item in value.items()}
    if is_array(value):
        return [_masked(item) for item in value]
    return value
