"""Environment variables of deployed agents: which are plain, which are secrets, and what may not stand in agents.yaml.

Plain values come from agents.yaml or, at deploy, from ``environment_values``. Of a secret only the place is known: an
ARN of Secrets Manager or Parameter Store, or a parameter's name that begins with ``/``. It is read at cold start.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent_framework.observability.redaction import is_secret_name, looks_secret

_REFERENCE = re.compile(r"arn:[^:]+:(secretsmanager|ssm):.+|/[\w./-]+")
_LAMBDA_NAME = re.compile(r"[A-Za-z]\w+")
_KEPT_BY_LAMBDA = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION"})
_OURS = "AGENT_FRAMEWORK_"


@dataclass(frozen=True, slots=True)
class Variables:
    """One agent's variables: plain values, places of secrets, and the names whose value or place is asked for later."""

    plain: Mapping[str, str] = field(default_factory=dict[str, str])
    references: Mapping[str, str] = field(default_factory=dict[str, str])
    plain_names: tuple[str, ...] = ()
    secret_names: tuple[str, ...] = ()


def sort_variables(declared: tuple[str, ...] | Mapping[str, str], keys: tuple[str, ...] = ()) -> Variables:
    """The variables of ``runtime.environment``, and ``keys``: names that hold the keys of models.

    What `problems` says about them is not looked at again.
    """
    given: Mapping[str, str] = declared if isinstance(declared, Mapping) else {}
    names = () if isinstance(declared, Mapping) else declared
    references = {name: value for name, value in given.items() if is_secret_name(name)}
    secrets = {*keys, *filter(is_secret_name, names)} - references.keys()
    return Variables(
        plain={name: value for name, value in given.items() if not is_secret_name(name)},
        references=references,
        plain_names=tuple(sorted({*names} - secrets)),
        secret_names=tuple(sorted(secrets)),
    )


def problems(declared: tuple[str, ...] | Mapping[str, str]) -> Iterator[str]:
    """What is wrong with ``runtime.environment`` for a deployment; values are never repeated."""
    for name in declared:
        if not _LAMBDA_NAME.fullmatch(name):
            yield f"{name!r} cannot be a variable's name on Lambda: use letters, digits and _, at least two of them"
        elif name in _KEPT_BY_LAMBDA or name.startswith(("AWS_LAMBDA_", "LAMBDA_", "AWS_SESSION", "AWS_ACCESS")):
            yield f"{name}: Lambda sets this variable itself; leave it out"
        elif name.startswith(_OURS):
            yield f"{name}: names that begin with {_OURS} are the framework's; choose another"
    for name, value in declared.items() if isinstance(declared, Mapping) else ():
        if is_secret_name(name) and not _REFERENCE.fullmatch(value):
            yield (
                f"{name} looks like a secret, and secrets do not stand in agents.yaml: store it, and write the ARN of "
                f"the secret or the parameter's name (/...); or list only the name: environment: [{name}]"
            )
        elif looks_secret(value):
            yield f"the value of {name} looks like a secret, and they do not stand in agents.yaml: store it and name it"
