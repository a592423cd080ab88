"""The fault harness on PostgreSQL and, in front of it, the RDS Data API."""

from collections.abc import Callable

import pytest

from tests.faults.harness.runner import run_clean


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", ["postgres", "aurora"])
def test_row_01_09_10_11_23_24_26_32_random_faults_break_no_promise_on_servers(
    backend: str, record_property: Callable[[str, object], None]
) -> None:
    report = run_clean(backend, 50)
    assert report.counts["cuts"] > 0, "no answer was lost"
    assert backend != "postgres" or report.counts["restarts"] > 0
    record_property("fact", f"faults on {backend}: {report.sentence()}")
