"""Test classes that a provider of your own subclasses: they say what the engine relies on.

``database.DatabaseConformance``, ``queue.QueueConformance``, ``storage.StorageConformance`` and, for places that run
jobs, ``engine.EngineConformance``, each in the module of its kind. They need pytest and no plugin.
"""

import pytest

pytest.register_assert_rewrite("agent_framework.testing.conformance")
