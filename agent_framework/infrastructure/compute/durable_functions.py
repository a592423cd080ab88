"""AWS Lambda durable functions under `core.durable`: the one file that knows their SDK, which is loaded when needed.

The SDK repeats nothing that the engine counts: a worker is invoked once per attempt. Only the engine's own steps, which
are idempotent, are repeated.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from agent_framework._optional import require
from agent_framework.types import JSONDict

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python import BatchResult, CompletionDecision, DurableContext, ParallelBranch
    from aws_durable_execution_sdk_python.config import CompletionConfig
    from aws_durable_execution_sdk_python.retries import RetryDecision

STEP_TRIES = 10
"""Tries of one step, over about five minutes; after them the execution fails, and the sweeper starts another part."""

_MAX_STEP_DELAY_S = 60
_WATCH = "watch"


class SdkContext:
    """What `core.durable.DurableContext` asks for, on the SDK's context."""

    def __init__(self, context: "DurableContext") -> None:
        self._context = context

    @property
    def function_arn(self) -> str:
        """The version of the function that this execution is bound to."""
        return self._context.execution_context.durable_execution_arn.partition("/durable-execution/")[0]

    def step(self, name: str, work: Callable[[], JSONDict]) -> JSONDict:
        """Run ``work`` and keep its answer in a checkpoint.

        At least once: the work is idempotent, so an interrupted one may run again, and its start need not be stored
        before it begins, which would be one more round trip for every decision.
        """
        from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
        from aws_durable_execution_sdk_python.serdes import DEFAULT_JSON_SERDES

        config = StepConfig(
            retry_strategy=_again,
            step_semantics=StepSemantics.AT_LEAST_ONCE_PER_RETRY,
            serdes=DEFAULT_JSON_SERDES,
        )
        return self._context.step(lambda _: work(), name=name, config=config)

    def invoke(self, name: str, function: str, payload: JSONDict) -> str | None:
        """Invoke a function and wait for it, once; why it failed, or None."""
        from aws_durable_execution_sdk_python import InvokeError

        try:
            self._context.invoke(function, payload, name=name)
        except InvokeError as exc:
            return str(exc) or "it failed without a message"
        return None

    def wait(self, name: str, seconds: float) -> None:
        """Wait without holding a process; whole seconds, one at least."""
        from aws_durable_execution_sdk_python.config import Duration

        self._context.wait(Duration(max(1, math.ceil(seconds))), name=name)

    def parallel(
        self,
        name: str,
        branches: Sequence[tuple[str, Callable[["SdkContext"], int]]],
        *,
        at_once: int,
        watch: "Callable[[SdkContext], int] | None" = None,
    ) -> list[int | None]:
        """Run branches until all have ended, or the watch has; None for those that have not.

        Branches have no operations of their own (flat), so that the execution's limit is spent on work.
        """
        from aws_durable_execution_sdk_python import BatchItemStatus
        from aws_durable_execution_sdk_python.config import NestingType, ParallelConfig

        watched = [(_WATCH, watch)] if watch else []
        config = ParallelConfig(
            max_concurrency=at_once + len(watched),
            completion_config=_until_all_but(len(watched)),
            nesting_type=NestingType.FLAT,
        )
        functions = [_branch(*one) for one in (*watched, *branches)]
        batch: BatchResult[int] = self._context.parallel(functions, name=name, config=config)
        batch.throw_if_error()
        ended = {item.index: item.result for item in batch.all if item.status is BatchItemStatus.SUCCEEDED}
        return [ended.get(index + len(watched)) for index in range(len(branches))]


def durable_function(body: Callable[[JSONDict, SdkContext], JSONDict]) -> Callable[[Any, Any], Any]:
    """A Lambda handler that runs ``body(event, context)`` as a durable execution.

    Raises:
        MissingExtraError: the SDK is not installed.
    """
    sdk = require("aws_durable_execution_sdk_python", extra="durable", needed_for="orchestration.engine: durable")

    def run(event: JSONDict, context: "DurableContext") -> JSONDict:
        return _until_nothing_was_missed(body, event, context)

    return sdk.durable_execution(run)


def _until_nothing_was_missed(
    body: Callable[[JSONDict, SdkContext], JSONDict], event: JSONDict, context: "DurableContext"
) -> JSONDict:
    """Run the body, and once more from its checkpoints if an invocation ended behind a branch that was suspended.

    The SDK resumes a suspended branch in the next invocation of the function only, and none follows for news that came
    with the answer to a sibling's checkpoint: the branch would wait until something else ends.
    """
    from aws_durable_execution_sdk_python import DurableContext
    from aws_durable_execution_sdk_python.exceptions import SuspendExecution
    from aws_durable_execution_sdk_python.state import ReplayStatus

    while True:
        ended = _ended_invocations(context)
        try:
            return body(event, SdkContext(context))
        except SuspendExecution:
            if _ended_invocations(context) == ended:
                raise
        lambda_context: Any = context.lambda_context
        context = DurableContext.from_lambda_context(context.state, lambda_context, ReplayStatus.REPLAY)


def _ended_invocations(context: "DurableContext") -> frozenset[str]:
    from aws_durable_execution_sdk_python.lambda_service import OperationStatus, OperationType

    open_statuses = (OperationStatus.STARTED, OperationStatus.PENDING, OperationStatus.READY)
    return frozenset(
        operation_id
        for operation_id, operation in context.state.operations.items()
        if operation.operation_type is OperationType.CHAINED_INVOKE and operation.status not in open_statuses
    )


def _branch(name: str, work: Callable[[SdkContext], int]) -> "ParallelBranch[int]":
    from aws_durable_execution_sdk_python import ParallelBranch

    def run(context: "DurableContext") -> int:
        return work(SdkContext(context))

    return ParallelBranch(run, name=name)


def _until_all_but(watched: int) -> "CompletionConfig":
    """Complete when the watch has ended (index 0, if there is one), or everything else has."""
    from aws_durable_execution_sdk_python import complete_batch, continue_batch
    from aws_durable_execution_sdk_python.config import BatchItemStatus, CompletionConfig, CompletionStatus

    def decide(status: CompletionStatus) -> "CompletionDecision":
        ended = [item.status in (BatchItemStatus.SUCCEEDED, BatchItemStatus.FAILED) for item in status.items]
        over = bool(ended) and (all(ended[watched:]) or any(ended[:watched]))
        return complete_batch() if over else continue_batch()

    return CompletionConfig(should_complete=decide)


def _again(error: Exception, tries: int) -> "RetryDecision":
    """The delay before a step is tried again: 1, 2, 4 ... seconds."""
    from aws_durable_execution_sdk_python.config import Duration
    from aws_durable_execution_sdk_python.retries import RetryDecision

    if tries >= STEP_TRIES:
        return RetryDecision.no_retry()
    return RetryDecision.retry(Duration(min(2 ** (tries - 1), _MAX_STEP_DELAY_S)))
