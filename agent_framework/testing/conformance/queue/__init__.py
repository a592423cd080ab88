"""What every queue must do, as one class to subclass.

    class TestMyQueue(QueueConformance):
        @pytest.fixture
        def open_queue(self, tmp_path):
            return lambda: MyQueue(tmp_path / "queue", max_receives=self.max_receives)

``open_queue`` makes a provider on a queue that is the test's own and empty at first; called again, another provider on
the same queue, as another process or a restart would. A message that was received ``max_receives`` times becomes a dead
letter. ``pass_time`` may let a fake clock go on by some seconds; without it the tests wait for real, about a second.
``send_raw`` is how a text that is no JSON gets in. `ReceiptTests` is for queues that know old receipts from new ones.
"""

from agent_framework.testing.conformance.queue.dead_letters import DeadLetterTests
from agent_framework.testing.conformance.queue.messages import MessageTests
from agent_framework.testing.conformance.queue.races import RaceTests
from agent_framework.testing.conformance.queue.visibility import ReceiptTests, VisibilityTests

__all__ = ["QueueConformance", "ReceiptTests"]


class QueueConformance(MessageTests, VisibilityTests, DeadLetterTests, RaceTests):
    """Everything at once; subclass this one."""
