"""Starting durable executions: names, idempotence and what follows an execution that ended; by boto3's model."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.compute.durable_functions import SdkContext
from agent_framework.infrastructure.compute.durable_start import (
    ALREADY_STARTED,
    MAX_PARTS,
    DurableExecutions,
    execution_name,
)

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-chief-run:live"
JOB = "0b8f2c9e-6a0e-4d1c-9d8e-2f6f6f1f9a10"


class Lambda:
    """A real boto3 client whose answers are scripted; it checks every request against the service's model."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "lambda", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self._stub = Stubber(self.client)
        self._stub.activate()

    def starts(self, name: str, run: int, part: int) -> None:
        payload = json.dumps({"job_id": JOB, "part": part, "run": run}).encode()
        self._stub.add_response("invoke", {"StatusCode": 202}, self._invocation(name, payload))

    def refuses(self, name: str, code: str, run: int = 1, part: int = 1) -> None:
        payload = json.dumps({"job_id": JOB, "part": part, "run": run}).encode()
        self._stub.add_client_error("invoke", code, "no", expected_params=self._invocation(name, payload))

    def lists(self, name: str, *statuses: str, others: tuple[str, ...] = ()) -> None:
        found = [self._execution(name, status) for status in statuses]
        found += [self._execution(other, "RUNNING") for other in others]
        wanted = {"FunctionName": FUNCTION, "DurableExecutionName": name}
        self._stub.add_response("list_durable_executions_by_function", {"DurableExecutions": found}, wanted)

    def start(self, run: int = 1) -> str:
        async def go() -> str:
            executions = DurableExecutions(FUNCTION, client=self.client)
            try:
                return await executions.start(JOB, run)
            finally:
                await executions.close()

        return asyncio.run(go())

    def done(self) -> None:
        self._stub.assert_no_pending_responses()
        self.client.close()

    @staticmethod
    def _invocation(name: str, payload: bytes) -> dict[str, Any]:
        return {
            "FunctionName": FUNCTION,
            "InvocationType": "Event",
            "DurableExecutionName": name,
            "Payload": payload,
        }

    @staticmethod
    def _execution(name: str, status: str) -> dict[str, Any]:
        arn = f"{FUNCTION.removesuffix(':live')}:7/durable-execution/{name}/0f6a"
        return {
            "DurableExecutionArn": arn,
            "DurableExecutionName": name,
            "FunctionArn": FUNCTION,
            "StartTimestamp": 1.0,
            "Status": status,
        }


@pytest.fixture
def aws() -> Iterator[Lambda]:
    scripted = Lambda()
    yield scripted
    scripted.done()


def test_a_run_has_one_execution_started_asynchronously_under_its_name(aws: Lambda) -> None:
    aws.starts(f"{JOB}-1", 1, 1)
    aws.lists(f"{JOB}-1", "RUNNING")
    assert aws.start() == f"{JOB}-1"


def test_an_execution_that_is_not_listed_yet_has_just_been_started(aws: Lambda) -> None:
    aws.starts(f"{JOB}-2", 2, 1)
    aws.lists(f"{JOB}-2", others=(f"{JOB}-20",))
    assert aws.start(run=2) == f"{JOB}-2"


def test_starting_what_runs_is_no_error(aws: Lambda) -> None:
    aws.refuses(f"{JOB}-1", ALREADY_STARTED)
    aws.lists(f"{JOB}-1", "RUNNING")
    assert aws.start() == f"{JOB}-1"


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "STOPPED", "SUCCEEDED", "DELETING"])
def test_an_execution_that_ended_while_its_job_goes_on_is_followed_by_another(aws: Lambda, status: str) -> None:
    aws.starts(f"{JOB}-1", 1, 1)
    aws.lists(f"{JOB}-1", status)
    aws.starts(f"{JOB}-1-2", 1, 2)
    aws.lists(f"{JOB}-1-2", "RUNNING")
    assert aws.start() == f"{JOB}-1-2"


def test_a_paused_execution_is_left_alone(aws: Lambda) -> None:
    aws.starts(f"{JOB}-1", 1, 1)
    aws.lists(f"{JOB}-1", "PAUSED")
    assert aws.start() == f"{JOB}-1"


def test_a_run_that_uses_up_executions_is_told(aws: Lambda) -> None:
    for part in range(1, MAX_PARTS + 1):
        name = execution_name(JOB, 1, part)
        aws.starts(name, 1, part)
        aws.lists(name, "FAILED")
    with pytest.raises(ProviderError, match=f"has had {MAX_PARTS} executions and is not over"):
        aws.start()


def test_a_refusal_names_the_remedy(aws: Lambda) -> None:
    aws.refuses(f"{JOB}-1", "AccessDeniedException")
    with pytest.raises(
        ProviderError, match="durable engine: invoke failed: AccessDeniedException: no; the credentials"
    ):
        aws.start()


def test_names_fit_whatever_a_job_is_called() -> None:
    assert execution_name(JOB, 1) == f"{JOB}-1"
    assert execution_name(JOB, 3, 2) == f"{JOB}-3-2"
    odd = [execution_name(job, 1) for job in ("a" * 80, "a" * 80 + "b", "order/7", "order_7", "größe 7")]
    assert len(set(odd)) == len(odd)
    assert all(len(name) <= 64 and name.replace("-", "").replace("_", "").isascii() for name in odd)


def test_an_execution_knows_the_version_that_it_is_bound_to() -> None:
    class Context:
        class execution_context:  # noqa: N801 - the SDK's name
            durable_execution_arn = (
                "arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-chief-run:7/durable-execution/job-1/0f6a"
            )

    context: Any = Context()
    assert SdkContext(context).function_arn.endswith(":function:shop-prod-chief-run:7")
