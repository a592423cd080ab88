"""The crash points at which schedules kill: those of the modules that their processes run, found in the code."""

import inspect

from agent_framework.core import engine, execution, job_manager
from agent_framework.core.crash import CRASH_POINTS

_SOURCE = "".join(inspect.getsource(module) for module in (engine, execution, job_manager))
POINTS = tuple(point for point in CRASH_POINTS if f'"{point}"' in _SOURCE)
"""Points of writes and approvals lie elsewhere; tests/faults/test_effects.py and test_approvals.py kill there."""
