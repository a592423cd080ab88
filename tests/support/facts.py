"""What a test run tells at its end: how many tests of each conformance suite a backend passed, and facts of tests.

Both travel with the tests' reports, so they come together from the processes of xdist too. A test tells a fact by
``record_property("fact", "...")``.
"""

from collections import Counter
from typing import Any

import pytest

_SUITES = "agent_framework.testing.conformance."
_OUTCOMES = ("passed", "failed", "error", "skipped")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note suite and backend of each test that is inherited from a suite."""
    for item in items:
        module = getattr(getattr(item, "function", None), "__module__", "") or ""
        if module.startswith(_SUITES) and isinstance(item, pytest.Function) and item.cls is not None:
            suite = module.removeprefix(_SUITES).partition(".")[0]
            item.user_properties.append(("conformance", f"{suite}, {_backend(item.cls)}"))


def _backend(cls: type) -> str:
    """What a class says in ``backend``, or its name."""
    return getattr(cls, "backend", None) or cls.__name__.removeprefix("Test")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the counts and the facts."""
    counts: dict[str, Counter[str]] = {}
    facts: list[str] = []
    for outcome in _OUTCOMES:
        for report in terminalreporter.stats.get(outcome, ()):
            noted = dict(getattr(report, "user_properties", ()))  # a module that cannot be imported has none
            if "conformance" in noted:
                counts.setdefault(noted["conformance"], Counter())[outcome] += 1
            facts += [
                value
                for name, value in getattr(report, "user_properties", ())
                if name == "fact" and report.when == "call"
            ]
    if counts:
        terminalreporter.section("conformance suites")
    for about, by_outcome in sorted(counts.items()):
        told = [f"{by_outcome[outcome]} {outcome}" for outcome in _OUTCOMES if by_outcome[outcome]]
        terminalreporter.write_line(f"{about}: {', '.join(told)}")
    if facts:
        terminalreporter.section("facts")
    for fact in facts:
        terminalreporter.write_line(fact)
