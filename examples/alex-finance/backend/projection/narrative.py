"""The projection in sentences by rule: an offline run's analysis, and the one in place of a model's that is refused."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from backend.reporting.judge import amounts_in, unknown_amounts

SHORTEST = 600


def explained(said: str, found: dict[str, Any]) -> dict[str, str]:
    """``{analysis, written_by}``: a model's text if it is long enough and invents no amount, else that by rule."""
    by_rule = analysis(found)
    if said == by_rule or len(said) < SHORTEST or unknown_amounts(said, _numbers(found)):
        return {"analysis": by_rule, "written_by": "rules"}
    return {"analysis": said, "written_by": "model"}


def _numbers(found: Any) -> Iterator[Decimal]:
    """Every number in the results, of levers' sentences too."""
    if isinstance(found, dict):
        for value in found.values():
            yield from _numbers(value)
    elif isinstance(found, list):
        for value in found:
            yield from _numbers(value)
    elif isinstance(found, (int, float)) and not isinstance(found, bool):
        yield Decimal(str(found))
    elif isinstance(found, str):
        yield from amounts_in(found if "$" in found else f"${found}")


def analysis(found: dict[str, Any]) -> str:
    """The analysis as Markdown."""
    rule, scenarios, assumed = found["four_percent_rule"], found["scenarios"], found["assumptions"]
    parts = [
        "## What the simulation says",
        _verdict(found),
        (
            f"At retirement the portfolio is worth {_money(found['expected_value_at_retirement'])} on average and "
            f"{_money(found['median_value_at_retirement'])} in the middle run. After {assumed['years_in_retirement']} "
            f"years of withdrawals {_left(found)} "
            f"Withdrawals are paid in full for {found['average_years_lasted']} years on average."
        ),
        _rule_of_four(rule),
        "## Three scenarios",
        "\n".join(_scenario(name, scenarios[name]) for name in ("pessimistic", "base", "optimistic")),
        "## What would change it",
        "\n".join(_lever(lever) for lever in found["levers"]) or "Nothing has to change for this goal.",
        "## What is assumed",
        _assumptions(assumed),
    ]
    return "\n\n".join(parts)


def _verdict(found: dict[str, Any]) -> str:
    assumed, rate = found["assumptions"], found["success_rate"]
    if not assumed["target_income"]:
        return "No income is asked of the portfolio, so there is nothing that could run out."
    start = f"in {assumed['years_until_retirement']} years" if assumed["years_until_retirement"] else "from today"
    word = "is likely to be reached" if rate >= 80 else "is uncertain" if rate >= 50 else "is unlikely to be reached"
    return (
        f"An income of {_money(assumed['target_income'])} a year {start} {word}: it is paid for all "
        f"{assumed['years_in_retirement']} years in {rate} % of {assumed['runs']:,} simulated lives."
    )


def _left(found: dict[str, Any]) -> str:
    if not found["median_final_value"]:
        better = found["percentile_90"]
        lucky = f"one in ten is left with {_money(better)} or more" if better else "few have anything left at all"
        return f"more than half of the runs have nothing left; {lucky}."
    return (
        f"the middle run is left with {_money(found['median_final_value'])}; one in ten ends with "
        f"{_money(found['percentile_10'])} or less, one in ten with {_money(found['percentile_90'])} or more."
    )


def _rule_of_four(rule: dict[str, int]) -> str:
    asked = f"By the 4 % rule this income needs {_money(rule['needed_at_retirement'])} at retirement"
    if rule["gap"] > 0:
        asked += f", {_money(rule['gap'])} more than is expected"
    return f"{asked}. What is expected would pay {_money(rule['income_it_would_pay'])} a year by that rule."


def _scenario(name: str, scenario: dict[str, Any]) -> str:
    return (
        f"- **{name.title()}** (returns of {scenario['mean_return_percent']} % a year, inflation of "
        f"{scenario['inflation_percent']} %): paid in full in {scenario['success_rate']} % of the runs, "
        f"{_money(scenario['expected_value_at_retirement'])} expected at retirement, paid for "
        f"{scenario['average_years_lasted']} years on average."
    )


def _lever(lever: dict[str, Any]) -> str:
    return f"- {lever['lever']}: {lever['success_rate']} % ({lever['change_in_points']:+} points)."


def _assumptions(assumed: dict[str, Any]) -> str:
    said = (
        f"{_money(assumed['yearly_contribution'])} are saved at the end of each year until retirement. Each year's "
        "income is withdrawn at its beginning; from the second one on it grows by "
        f"{assumed['inflation_percent']} % a year. Returns are {assumed['mean_return_percent']} % a year on average "
        f"with a deviation of {assumed['deviation_percent']} %, independent from year to year. Taxes, fees and other "
        "income are left out."
    )
    if assumed["without_price"]:
        said += f" Without a price, and so counted as nothing: {', '.join(assumed['without_price'])}."
    if float(assumed["unclassified"]):
        said += f" ${float(assumed['unclassified']):,.2f} are not classified and taken to be invested like the rest."
    return said


def _money(amount: float) -> str:
    return f"${amount:,.0f}"
