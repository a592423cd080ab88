"""The infrastructure blocks of a deployed stage: what Terraform makes, and what the running agents are told besides.

A provider's ``config`` in agents.yaml has fields for both. Here stands which are for Terraform; the rest has to be a
field of the provider's own configuration model.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from agent_framework.config.deployed import EXTERNAL
from agent_framework.config.loader import did_you_mean
from agent_framework.config.project_config import ProviderSettings
from agent_framework.infrastructure._providers import ProviderTable
from agent_framework.infrastructure.database import PROVIDERS as DATABASES
from agent_framework.infrastructure.queue import PROVIDERS as QUEUES
from agent_framework.infrastructure.storage import PROVIDERS as STORAGES
from agent_framework.observability.redaction import looks_secret
from agent_framework.types import JSONDict

THROWAWAY_STAGE = "dev"
"""The stage that 'destroy' removes with its data, where agents.yaml does not say otherwise; others are protected."""

VISIBILITY_FACTOR = 6
"""A message stays invisible for so many timeouts of the function that handles it: AWS's own advice."""

_RELATIONAL = ("backup_retention_days", "database", "deletion_protection", "engine_version", "skip_final_snapshot")
_FORBIDDEN = {
    "password": "secrets do not stand in agents.yaml; write 'secret' with the name or ARN of the secret",
    "dsn": "it holds a password, and secrets do not stand in agents.yaml; write 'secret' with the secret's name or ARN",
}


@dataclass(frozen=True, slots=True)
class Deployable:
    """One provider as Terraform knows it.

    ``settings`` are fields for Terraform, ``model`` is the provider's configuration model; its other fields are passed
    on to the agents. ``given`` fields name something that is there already, so nothing is made; ``dropped`` ones mean
    nothing here.
    """

    settings: tuple[str, ...]
    model: str
    given: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


_HERE = "agent_framework.infrastructure"
DATABASE: Mapping[str, Deployable] = {
    "dynamodb": Deployable(
        ("deletion_protection", "point_in_time_recovery", "table_name"),
        f"{_HERE}.database.dynamodb.provider:DynamoDBConfig",
        dropped=("create_table",),
    ),
    "aurora-serverless-v2": Deployable(
        (*_RELATIONAL, "cluster_identifier", "max_capacity", "min_capacity"),
        f"{_HERE}.database.aurora:AuroraConfig",
        given=("cluster_arn", "cluster_identifier", "secret_arn"),
        dropped=("engine",),
    ),
    "rds-postgres": Deployable(
        (*_RELATIONAL, "allocated_storage", "instance_class", "multi_az"),
        f"{_HERE}.database.postgres:PostgresConfig",
        given=("host", "secret"),
        dropped=("engine",),
    ),
}
_QUEUE_SETTINGS = (
    "batch_size",
    "max_receive_count",
    "maximum_concurrency",
    "message_retention_seconds",
    "visibility_timeout",
)
QUEUE: Mapping[str, Deployable] = {
    "sqs": Deployable(_QUEUE_SETTINGS, f"{_HERE}.queue.sqs:SqsConfig"),
    "eventbridge": Deployable(
        (*_QUEUE_SETTINGS, "detail_type", "source"), f"{_HERE}.queue.eventbridge:EventBridgeConfig"
    ),
}
STORAGE: Mapping[str, Deployable] = {
    "s3": Deployable(
        ("bucket_prefix", "expire_claims_after_days", "force_destroy", "noncurrent_version_days"),
        f"{_HERE}.storage.s3:S3Config",
        given=("bucket",),
    ),
}
_ADDRESSES = {"sqs": ("dead_letter_url", "name", "url"), "eventbridge": ("bus", "dead_letter_url", "queue_url")}
_WANTED = {
    "database": "dynamodb, aurora-serverless-v2 or rds-postgres",
    "queue": "sqs or eventbridge",
    "storage": "s3",
}

Report = Callable[..., None]
"""``report(message, *path)``: note a problem at a path of agents.yaml."""


def database_block(settings: ProviderSettings, stage: str, report: Report) -> JSONDict:
    """``var.database``: provider, whether it is made, Terraform's settings, what is there already, the agents' part."""
    block = _block("database", settings, DATABASES, DATABASE, report)
    if block["create"]:
        defaults = {"deletion_protection": stage != THROWAWAY_STAGE}
        if block["provider"] != "dynamodb":
            defaults["skip_final_snapshot"] = stage == THROWAWAY_STAGE
        block["settings"] = {**defaults, **block["settings"]}
    if block["create"] and "password_env" in block["runtime"]:
        message = "password_env: RDS keeps the password of the instance that is made; leave this out"
        report(message, "infrastructure", "database", "config", "password_env")
    return block


def storage_block(settings: ProviderSettings, stage: str, report: Report) -> JSONDict:
    """``var.storage``, of the same form."""
    block = _block("storage", settings, STORAGES, STORAGE, report)
    if block["create"]:
        block["settings"] = {"force_destroy": stage == THROWAWAY_STAGE, **block["settings"]}
    prefix = str(block["runtime"].get("prefix", "")).strip("/")
    return {**block, "claim_prefix": f"{prefix}/claims/" if prefix else "claims/"}


def queue_block(settings: ProviderSettings, timeout_s: int, report: Report, note: Callable[[str], None]) -> JSONDict:
    """``var.queue``, with a visibility timeout of at least six times ``timeout_s`` of the orchestrator's function."""
    block = _block("queue", settings, QUEUES, QUEUE, report)
    if block["provider"] == EXTERNAL:
        report(
            "jobs of deployed stages are woken by SQS; use sqs or eventbridge", "infrastructure", "queue", "provider"
        )
        return block
    for name in _ADDRESSES[block["provider"]]:
        if name in settings.config:
            report(f"{name}: deploying makes the queue; leave this out", "infrastructure", "queue", "config", name)
    least = VISIBILITY_FACTOR * timeout_s
    wanted = block["settings"].get("visibility_timeout", least)
    if isinstance(wanted, int) and wanted < least:
        note(
            f"infrastructure.queue.config.visibility_timeout is raised from {wanted} to {least} s: {VISIBILITY_FACTOR} "
            f"times the timeout of the orchestrator ({timeout_s} s)"
        )
        wanted = least
    return {**block, "settings": {**block["settings"], "visibility_timeout": wanted}}


def _block(
    kind: str, chosen: ProviderSettings, table: ProviderTable, known: Mapping[str, Deployable], report: Report
) -> JSONDict:
    name = table.canonical(chosen.provider)
    empty: JSONDict = {"create": False, "existing": {}, "provider": EXTERNAL, "runtime": {}, "settings": {}}
    if ":" in name:
        return empty
    if name not in known:
        message = f"{name} cannot be deployed by the Terraform modules; use {_WANTED[kind]}, or a class of your own"
        report(message, "infrastructure", kind, "provider")
        return empty
    spec = known[name]
    for field, message in _problems(spec, chosen.config):
        report(message, "infrastructure", kind, "config", field)
    existing = {field: chosen.config[field] for field in spec.given if field in chosen.config}
    taken = {*spec.settings, *spec.given, *spec.dropped, *_FORBIDDEN}
    return {
        "create": not existing,
        "existing": existing,
        "provider": name,
        "runtime": {field: _text(value) for field, value in sorted(chosen.config.items()) if field not in taken},
        "settings": {
            field: chosen.config[field] for field in spec.settings if field in chosen.config and field not in existing
        },
    }


def _problems(spec: Deployable, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fields = {*spec.settings, *spec.given, *spec.dropped, *_runtime_fields(spec.model)} - _FORBIDDEN.keys()
    for name, value in config.items():
        if name in _FORBIDDEN:
            yield name, f"{name}: {_FORBIDDEN[name]}"
        elif name not in fields:
            yield name, f"unknown field {name!r}{did_you_mean(name, fields)}; fields: {', '.join(sorted(fields))}"
        elif isinstance(value, str) and looks_secret(value):
            yield name, f"{name} looks like a secret, and secrets do not stand in agents.yaml; store it and name it"


def _runtime_fields(path: str) -> set[str]:
    module, _, model = path.partition(":")
    return set(getattr(import_module(module), model).model_fields)


def _text(value: Any) -> str:
    """A value of the agents' part as Terraform keeps it: in one map all are texts."""
    return str(value).lower() if isinstance(value, bool) else str(value)
