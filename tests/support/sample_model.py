"""A Bedrock that answers every request at once: by a sample of the output that is asked for, else by a sentence."""

from agent_framework.infrastructure.llm.sample import sample
from tests.support.model_servers import ModelServer, Received, Reply, calls, says

FINAL = "final_result"


class SampleModel(ModelServer):
    """Speaks Converse; ``requests`` are kept."""

    def _next(self, received: Received) -> Reply:
        with self._lock:
            self.requests.append(received)
        tools = received.body.get("toolConfig", {}).get("tools", [])
        for tool in tools:
            if tool["toolSpec"]["name"] == FINAL:
                return calls(FINAL, **sample(tool["toolSpec"]["inputSchema"]["json"]))
        return says("All is well.")
