"""What a stage costs while nobody uses it, read from the plan's resources.

Amounts are given where a price was found and checked (us-east-1, 2026; other regions differ); elsewhere the thing is
named, and AWS's price list has the number.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent_framework.types import JSONDict

HOURS_A_MONTH = 730
ACU_HOUR_USD = 0.12
"""Aurora Serverless v2, standard storage: https://aws.amazon.com/rds/aurora/pricing/."""
ENDPOINT_HOUR_USD = 0.01
"""An interface endpoint, for each subnet it is in: https://aws.amazon.com/privatelink/pricing/."""
KEY_MONTH_USD = 1.0
"""A customer managed key, and as much for each of its rotations: https://aws.amazon.com/kms/pricing/."""


@dataclass(frozen=True, slots=True)
class IdleCost:
    """One thing that costs while idle; ``usd_month`` is None where no price is known here."""

    what: str
    usd_month: float | None = None

    @property
    def text(self) -> str:
        """On one line."""
        amount = "see AWS's price list" if self.usd_month is None else f"about {self.usd_month:,.0f} USD a month"
        return f"{self.what}: {amount}"


def idle_costs(plan: JSONDict) -> tuple[IdleCost, ...]:
    """What will cost once ``plan`` (``terraform show -json``) is applied."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in _resources(plan.get("planned_values", {}).get("root_module", {})):
        found.setdefault(item["type"], []).append(item["values"])
    return tuple(cost for kind, describe in _KINDS.items() if kind in found for cost in describe(found[kind]))


def _aurora(clusters: list[Mapping[str, Any]]) -> Iterator[IdleCost]:
    for cluster in clusters:
        scaling: list[Mapping[str, Any]] = cluster.get("serverlessv2_scaling_configuration") or []
        least = float(scaling[0].get("min_capacity") or 0) if scaling else 0.0
        if least:
            amount = least * ACU_HOUR_USD * HOURS_A_MONTH
            yield IdleCost(f"Aurora at its least capacity of {least:g} ACU, without storage", amount)
        else:
            yield IdleCost("Aurora pauses at 0 ACU only while nobody asks it, and the sweeper asks every minute")


def _instances(instances: list[Mapping[str, Any]]) -> Iterator[IdleCost]:
    for instance in instances:
        zones = " in two zones" if instance.get("multi_az") else ""
        size = instance.get("allocated_storage")
        yield IdleCost(f"an RDS instance {instance.get('instance_class')}{zones} with {size} GB, at all hours")


def _endpoints(endpoints: list[Mapping[str, Any]]) -> Iterator[IdleCost]:
    places = [len(item.get("subnet_ids") or "12") for item in endpoints if item.get("vpc_endpoint_type") == "Interface"]
    if places:
        amount = sum(places) * ENDPOINT_HOUR_USD * HOURS_A_MONTH
        yield IdleCost(f"{len(places)} interface endpoints of the VPC, each in {max(places)} subnets", amount)


def _keys(keys: list[Mapping[str, Any]]) -> Iterator[IdleCost]:
    yield IdleCost(f"{len(keys)} customer managed key", len(keys) * KEY_MONTH_USD)


def _gateways(gateways: list[Mapping[str, Any]]) -> Iterator[IdleCost]:
    yield IdleCost(f"{len(gateways)} NAT gateway")


def _alarms(alarms: list[Mapping[str, Any]]) -> Iterator[IdleCost]:
    yield IdleCost(f"{len(alarms)} CloudWatch alarms")


def _schedules(schedules: list[Mapping[str, Any]]) -> Iterator[IdleCost]:
    times = ", ".join(sorted({str(item.get("schedule_expression")) for item in schedules}))
    yield IdleCost(f"the sweeper, a short run of the orchestrator's function at {times}, and polling of the queue")


_KINDS: Mapping[str, Callable[[list[Mapping[str, Any]]], Iterator[IdleCost]]] = {
    "aws_rds_cluster": _aurora,
    "aws_db_instance": _instances,
    "aws_vpc_endpoint": _endpoints,
    "aws_nat_gateway": _gateways,
    "aws_kms_key": _keys,
    "aws_cloudwatch_metric_alarm": _alarms,
    "aws_scheduler_schedule": _schedules,
}


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (item for item in module.get("resources", ()) if item["mode"] == "managed")
    for child in module.get("child_modules", ()):
        yield from _resources(child)
