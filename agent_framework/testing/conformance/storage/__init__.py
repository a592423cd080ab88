"""What every storage must do, as one class to subclass.

    class TestMyStorage(StorageConformance):
        @pytest.fixture
        def open_storage(self, tmp_path):
            return lambda: MyStorage(tmp_path)

        @pytest.fixture
        def tamper(self, tmp_path):
            async def tamper(key, data):     # data None: remove the object
                ...
            return tamper

``open_storage`` makes a provider on a storage that is the test's own and empty at first; called again, another provider
on the same storage, as another process or a restart would. ``tamper`` changes an object as somebody would who does not
use the provider. Signed addresses are opened with urllib.
"""

from agent_framework.testing.conformance.storage.integrity import IntegrityTests
from agent_framework.testing.conformance.storage.keys import KeyTests
from agent_framework.testing.conformance.storage.objects import ObjectTests

__all__ = ["StorageConformance"]


class StorageConformance(ObjectTests, KeyTests, IntegrityTests):
    """Everything at once; subclass this one."""
