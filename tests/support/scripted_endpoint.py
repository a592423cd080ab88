"""The conformance suite's `ModelEndpoint` on `tests.support.model_servers`."""

from collections import deque
from collections.abc import Iterator

import pytest

from tests.support.model_servers import ModelServer, Reply, says


class ScriptedEndpoint:
    """A model server that is told anew in each test what to answer."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self.url = f"{server.url}/v1"

    def script(self, *replies: str | list[str]) -> None:
        self._server.replies = deque(_reply(reply) for reply in replies)
        self._server.requests.clear()

    def asked(self) -> int:
        return len(self._server.requests)


def _reply(reply: str | list[str]) -> Reply:
    if isinstance(reply, str):
        return says(reply)
    return Reply(tool_calls=tuple((tool, {"reason": "to know"}) for tool in reply))


@pytest.fixture(scope="session")
def model_endpoint() -> Iterator[ScriptedEndpoint]:
    """One endpoint for all tests of the session."""
    with ModelServer() as server:
        yield ScriptedEndpoint(server)
