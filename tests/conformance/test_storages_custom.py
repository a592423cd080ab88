"""A storage that is named by its dotted path, and brings no more than it must, does what every storage must."""

from collections.abc import Callable

import pytest

from agent_framework.infrastructure.storage import StorageFactory, StorageProvider, StoredObject
from agent_framework.testing.conformance.storage import StorageConformance
from agent_framework.testing.conformance.storage.harness import Tamper


class TestCustom(StorageConformance):
    backend = "custom, by dotted path"

    @pytest.fixture
    def objects(self) -> dict[str, bytes]:
        return {}

    @pytest.fixture
    def open_storage(self, objects: dict[str, bytes]) -> Callable[[], StorageProvider]:
        facts: dict[str, StoredObject] = {}
        config = {"objects": objects, "facts": facts}
        return lambda: StorageFactory.create("tests.support.memory_storage:MemoryStorage", config)

    @pytest.fixture
    def tamper(self, objects: dict[str, bytes]) -> Tamper:
        async def tamper(key: str, data: bytes | None) -> None:
            if data is None:
                del objects[key]
            else:
                objects[key] = data

        return tamper
