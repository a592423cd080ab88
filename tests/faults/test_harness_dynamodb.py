"""The fault harness on DynamoDB (moto), where every process has a clock of its own."""

from collections.abc import Callable

import pytest

from tests.faults.harness.runner import run_clean


@pytest.mark.timeout(300)
def test_row_01_09_10_11_23_26_32_random_faults_break_no_promise_on_dynamodb(
    record_property: Callable[[str, object], None],
) -> None:
    report = run_clean("dynamodb", 50)
    assert report.counts["cuts"] > 0, "no answer was lost"
    record_property("fact", f"faults on dynamodb: {report.sentence()}")
