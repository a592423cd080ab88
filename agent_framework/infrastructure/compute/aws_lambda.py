"""Agents as Lambda functions: attempts dispatched by asynchronous invocations, and one agent invoked and waited for.

A dispatch carries ids only, so no payload is ever too large; what the agent needs it reads from the database. Lambda's
own retries are off (Terraform sets that), since the engine counts attempts; an invocation that ends without an outcome
comes back as a record in the jobs queue.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from agent_framework.errors import AgentError, ProviderError
from agent_framework.infrastructure._aws import AwsService
from agent_framework.infrastructure._json import to_json, to_object
from agent_framework.infrastructure.compute.base import Dispatcher
from agent_framework.types import Attempt, AttemptKey, JSONDict, is_object

logger = logging.getLogger(__name__)
MAX_SYNC_BYTES = 6_291_456
"""Lambda's limit of a synchronous payload and of its answer."""
READ_MARGIN_S = 15.0
"""Seconds that a caller waits longer than the function may run: a client that gives up first would run it again."""

_LABEL = "compute provider lambda"
_SHOWN = 200


class LambdaDispatcher:
    """Invokes each attempt's function and does not wait for it.

    ``function_of`` gives the function of an agent, ``encode`` the body. Attempts for which ``function_of`` knows none
    are the orchestrator's own (its facts, its turns); ``own`` dispatches them.
    """

    def __init__(
        self,
        function_of: Callable[[str], str | None],
        encode: Callable[[AttemptKey], JSONDict],
        *,
        own: Dispatcher,
        client: Any = None,
        region: str | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        self._function_of = function_of
        self._encode = encode
        self._own = own
        self._lambda = AwsService("lambda", label=_LABEL, client=client, region=region, endpoint_url=endpoint_url)

    async def dispatch(self, attempts: Sequence[Attempt]) -> None:
        """Invoke the functions; what cannot be invoked now is dispatched again when the job is due."""
        remote = [(attempt, self._function_of(attempt.performer)) for attempt in attempts]
        own = [attempt for attempt, function in remote if function is None]
        await asyncio.gather(*(self._start(attempt, function) for attempt, function in remote if function is not None))
        if own:
            await self._own.dispatch(own)

    async def job_ended(self, job_id: str) -> None:
        """Nothing to stop: what still runs somewhere is refused when it comes."""

    async def close(self) -> None:
        """Let go of the client."""
        await self._lambda.close()

    async def _start(self, attempt: Attempt, function: str) -> None:
        payload = to_json(self._encode(attempt.key), what=f"the dispatch of {attempt.key}").encode()
        try:
            await self._lambda.call("invoke", FunctionName=function, InvocationType="Event", Payload=payload)
        except ProviderError as exc:
            logger.warning("attempt %s could not be started, it is tried again: %s", attempt.key, exc)


class LambdaInvoker:
    """Invokes a function and waits for its answer: one try, whatever happens.

    boto3 gives up after 60 seconds by default and asks again, which runs a slow function several times; here the client
    waits longer than the function may run (``timeout_s``) and never repeats a call.
    """

    def __init__(
        self, *, timeout_s: float, client: Any = None, region: str | None = None, endpoint_url: str | None = None
    ) -> None:
        self._lambda = AwsService(
            "lambda",
            label=_LABEL,
            client=client,
            region=region,
            endpoint_url=endpoint_url,
            read_timeout_s=timeout_s + READ_MARGIN_S,
            tries=1,
        )

    async def invoke(self, function: str, payload: JSONDict) -> JSONDict:
        """The function's result, taken out of its envelope.

        Raises:
            AgentError: the function failed, or its envelope says that the agent did.
            ProviderError: the call was refused, or the payload is over 6 MiB.
        """
        body = to_json(payload, what=f"the payload for {function}").encode()
        if len(body) > MAX_SYNC_BYTES:
            raise ProviderError(
                f"{_LABEL}: the payload for {function} has {len(body):,} bytes, Lambda takes {MAX_SYNC_BYTES:,}; "
                'submit a job and invoke with {"job_id": ...}'
            )

        def call(client: Any) -> tuple[str | None, bytes]:
            answer = client.invoke(FunctionName=function, InvocationType="RequestResponse", Payload=body)
            return answer.get("FunctionError"), answer["Payload"].read()

        failed, text = await self._lambda.run(f"invoke {function}", call)
        return unwrap(function, text, failed=failed is not None)

    async def close(self) -> None:
        """Let go of the client."""
        await self._lambda.close()


def unwrap(function: str, text: bytes, *, failed: bool) -> JSONDict:
    """What a function answered: the result in our envelope, or the whole object of a function of somebody else's.

    Raises:
        AgentError: it failed, or answered something else than a JSON object.
    """
    try:
        answer = to_object(text or b"null")
    except ValueError as exc:
        shown = text[:_SHOWN].decode("utf-8", "replace")
        raise AgentError(f"function {function} answered {exc}: {shown}") from exc
    if failed:
        kind, words = answer.get("errorType", "Error"), answer.get("errorMessage", "without a message")
        raise AgentError(f"function {function} failed: {kind}: {words}")
    body = answer.get("body")
    if "statusCode" in answer and isinstance(body, str):
        answer = _body(body) | {"statusCode": answer["statusCode"]}
    status = answer.get("statusCode", 200)
    if answer.get("ok") is False or (isinstance(status, int) and status >= 400):
        raise AgentError(f"function {function} answered {status}: {_words(answer)}")
    result = answer.get("result")
    return result if "statusCode" in answer and is_object(result) else answer


def _body(text: str) -> JSONDict:
    try:
        value: object = json.loads(text)
    except ValueError:
        return {"result": text}
    return value if is_object(value) else {"result": value}


def _words(answer: JSONDict) -> str:
    error = answer.get("error")
    if is_object(error):
        return str(error.get("error", error))
    return str(error or answer.get("message") or "without a reason")
