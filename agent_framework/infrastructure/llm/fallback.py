"""Another model where the first one fails in a way that another try could mend."""

from collections.abc import AsyncIterator, Mapping

from agents import Model, ModelResponse
from agents.items import TResponseStreamEvent

from agent_framework.errors import ModelError
from agent_framework.infrastructure.llm.request import ModelRequest, RequestModel


class FallbackModel(RequestModel):
    """Asks its models in order, each once per call, until one answers.

    The next model is asked only after a retryable `ModelError`, and never once the first event of a stream was passed
    on. A refusal that another try cannot mend (a bad request, a missing right) is raised as it is: hiding it behind a
    second model would hide a mistake.
    """

    def __init__(self, models: Mapping[str, Model]) -> None:
        """``models`` by the name that messages shall use, in the order to ask them."""
        self._models = dict(models)

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The first answer; one `ModelError` naming every cause when all models failed."""
        failures: list[ModelError] = []
        for model in self._models.values():
            try:
                return await request.send(model)
            except ModelError as exc:
                failures.append(_worth_another(exc, failures))
        raise self._all_failed(failures)

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """The first model's stream that has a first event."""
        failures: list[ModelError] = []
        for model in self._models.values():
            started = False
            try:
                async for event in request.stream(model):
                    started = True
                    yield event
                return
            except ModelError as exc:
                if started:
                    raise
                failures.append(_worth_another(exc, failures))
        raise self._all_failed(failures)

    async def close(self) -> None:
        """Close every model."""
        for model in self._models.values():
            await model.close()

    def _all_failed(self, failures: list[ModelError]) -> ModelError:
        waits = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
        error = ModelError(
            f"all of {', '.join(self._models)} failed: {'; '.join(str(failure) for failure in failures)}",
            retryable=True,
            retry_after_s=min(waits, default=None),
        )
        error.__cause__ = failures[-1]
        return error


def _worth_another(failure: ModelError, earlier: list[ModelError]) -> ModelError:
    """The failure itself if another model may be asked after it, else raise it, naming what failed before."""
    if failure.retryable:
        return failure
    if earlier:
        failure.add_note(f"asked because of: {'; '.join(str(error) for error in earlier)}")
    raise failure
