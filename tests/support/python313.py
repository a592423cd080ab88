"""Lambda's Python on this machine."""

import pytest

from agent_framework.cli.deployment.packaging.interpreter import Python, find_python
from agent_framework.cli.deployment.packaging.uv import uv_program
from agent_framework.errors import PackagingError


def python_313() -> Python:
    """A Python 3.13; without one the test is skipped."""
    try:
        return find_python(uv_program())
    except PackagingError:
        pytest.skip("Python 3.13 is not on this machine")
