"""A plan in few words: changes, losses, and what it costs while idle."""

from typing import Any

from agent_framework.cli.deployment.changes import PlannedChanges
from agent_framework.cli.deployment.idle_costs import idle_costs


def change(address: str, *actions: str, kind: str = "aws_sqs_queue", mode: str = "managed") -> dict[str, Any]:
    return {"address": address, "type": kind, "mode": mode, "change": {"actions": list(actions), "before": None}}


def planned(*resources: dict[str, Any]) -> dict[str, Any]:
    """A plan in whose modules these resources are."""
    inside = [{"mode": "managed", **item} for item in resources]
    return {"planned_values": {"root_module": {"child_modules": [{"resources": inside}]}}}


def test_changes_are_counted_by_what_happens() -> None:
    found = PlannedChanges.of(
        {
            "resource_changes": [
                change("d", "delete"),
                change("a", "create"),
                change("b", "update"),
                change("c", "create", "delete"),
                change("e", "no-op"),
                change("data.f", "read", mode="data"),
            ]
        }
    )
    assert [(item.address, item.action) for item in found.changes] == [
        ("a", "add"), ("b", "change"), ("c", "replace"), ("d", "destroy"),
    ]  # fmt: skip
    assert found.summary == "1 added, 1 changed, 1 replaced, 1 destroyed"


def test_what_loses_data_is_called_out() -> None:
    table = change("table", "delete", "create", kind="aws_dynamodb_table")
    bucket = change("bucket", "delete", kind="aws_s3_bucket")
    kept = change("kept", "update", kind="aws_dynamodb_table")
    found = PlannedChanges.of({"resource_changes": [table, bucket, kept, change("queue", "delete")]})
    assert [item.address for item in found.losses] == ["bucket", "table"]


def test_a_plan_of_outputs_alone() -> None:
    assert PlannedChanges.of({"resource_changes": [change("a", "no-op")]}).summary == "only outputs change"


def test_auroras_least_capacity_is_priced() -> None:
    scaling = [{"min_capacity": 0.5, "max_capacity": 2}]
    cluster = {"type": "aws_rds_cluster", "values": {"serverlessv2_scaling_configuration": scaling}}
    (cost,) = idle_costs(planned(cluster))
    assert cost.text == "Aurora at its least capacity of 0.5 ACU, without storage: about 44 USD a month"


def test_an_aurora_that_could_pause_does_not_because_of_the_sweeper() -> None:
    cluster = {"type": "aws_rds_cluster", "values": {"serverlessv2_scaling_configuration": [{"min_capacity": 0}]}}
    (cost,) = idle_costs(planned(cluster))
    assert "the sweeper asks every minute" in cost.what


def test_endpoints_cost_in_each_of_their_subnets_and_gateways_nothing() -> None:
    interface = {"vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b"]}
    endpoints = [{"type": "aws_vpc_endpoint", "values": interface}] * 6
    gateway = {"type": "aws_vpc_endpoint", "values": {"vpc_endpoint_type": "Gateway"}}
    (cost,) = idle_costs(planned(*endpoints, gateway))
    assert cost.text == "6 interface endpoints of the VPC, each in 2 subnets: about 88 USD a month"


def test_what_has_no_price_here_is_named() -> None:
    instance = {"instance_class": "db.t4g.micro", "allocated_storage": 20, "multi_az": True}
    (cost,) = idle_costs(planned({"type": "aws_db_instance", "values": instance}))
    assert cost.text == "an RDS instance db.t4g.micro in two zones with 20 GB, at all hours: see AWS's price list"


def test_a_table_on_demand_costs_nothing_while_idle() -> None:
    assert idle_costs(planned({"type": "aws_dynamodb_table", "values": {}})) == ()
