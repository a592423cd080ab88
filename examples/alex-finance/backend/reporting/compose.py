"""The report by rules: what an offline run publishes, and what stands in for a model's report that did not pass.

Every sentence follows from the facts by a stated threshold; every amount is copied from them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from backend.portfolio.money import dollars
from backend.portfolio.vocabulary import Region, words

PLACES = frozenset(Region) - {Region.GLOBAL, Region.INTERNATIONAL}
CONCENTRATED = 25.0
DRIFTED = 5.0
MUCH_CASH, LITTLE_CASH = 10.0, 1.0
ALWAYS = (
    (
        "Choose a fixed day in the year for rebalancing, and write down the limits at which it is done earlier: a "
        f"class that is {DRIFTED:.0f} points off its target is a usual one."
    ),
    (
        "Compare the yearly costs of funds that hold the same: over decades a few tenths of a per cent a year decide "
        "more than the choice between similar funds."
    ),
    (
        "Keep a reserve for half a year of spending outside of what is invested, so that nothing has to be sold in a "
        "bad year."
    ),
)
"""What is recommended to everybody."""


def compose(facts: dict[str, Any], knowledge: dict[str, Any]) -> str:
    """The whole report in Markdown."""
    parts = [
        f"# Portfolio report: {_plain(facts['owner'])}",
        "## Executive summary",
        _summary(facts),
        "## Observations",
        _accounts(facts),
        _holdings(facts),
        _allocation(facts),
        _bullets(_observed(facts)),
        "## Risks",
        _bullets(_risks(facts)),
        "## Recommendations",
        _bullets(_recommended(facts)),
        _background(knowledge),
        "## About this report",
        _about(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(facts: dict[str, Any]) -> str:
    accounts, holdings = facts["accounts"], facts["holdings"]
    said = (
        f"The portfolio is worth **{_money(facts['total'])}** in {_count(len(accounts), 'account')}: "
        f"{_count(len(holdings), 'holding')} and {_money(facts['cash'])} in cash."
    )
    if facts["asset_class"]:
        largest = facts["asset_class"][0]
        said += f" Most of it, {largest['share_percent']} % or {_money(largest['value'])}, is in {_category(largest)}."
    if facts["years_until_retirement"] is not None and facts["target_income"] is not None:
        said += (
            f" The goal is an income of {_money(facts['target_income'])} a year, "
            f"{_count(facts['years_until_retirement'], 'year')} from now; the retirement analysis shows its chances."
        )
    drifted = [target for target in facts["against_targets"] if abs(_gap(target)) >= DRIFTED]
    if drifted:
        off = f"{len(drifted)} of {len(facts['against_targets'])} targets"
        said += f" The mix is {DRIFTED:.0f} points or more away from {off}."
    else:
        said += f" The mix is within {DRIFTED:.0f} points of all its targets."
    return said + _missing(facts)


def _missing(facts: dict[str, Any]) -> str:
    said = ""
    if facts["missing_prices"]:
        said += (
            f" **No price is known of {', '.join(facts['missing_prices'])}**: it counts as nothing here, and the true "
            "total is higher."
        )
    if facts["unclassified"]:
        said += f" Not classified yet, and shown apart: {', '.join(facts['unclassified'])}."
    return said


def _accounts(facts: dict[str, Any]) -> str:
    rows = [
        f"| {_plain(one['name'])} | {_plain(one['purpose'])} | {len(one['positions'])} | {_money(one['cash'])} | "
        f"{_money(one['total'])} | {one['share_percent']} % |"
        for one in facts["accounts"]
    ]
    head = "| Account | Purpose | Holdings | Cash | Worth | Share |\n| --- | --- | ---: | ---: | ---: | ---: |"
    return "\n".join([head, *rows])


def _holdings(facts: dict[str, Any]) -> str:
    names = {held["symbol"]: held["name"] for one in facts["accounts"] for held in one["positions"]}
    rows = [
        f"| {held['symbol']} | {_plain(names[held['symbol']])} | {_money(held['value'])} | {held['share_percent']} % |"
        for held in facts["holdings"][:10]
    ]
    if not rows:
        return ""
    return "\n".join(["| Holding | Name | Worth | Share |\n| --- | --- | ---: | ---: |", *rows])


def _allocation(facts: dict[str, Any]) -> str:
    rows = [
        f"| {words(one['category'])} | {one['share_percent']} % | {one['target_percent']:g} % | "
        f"{_money(one['value'])} | {_signed(one['difference'])} |"
        for one in facts["against_targets"]
    ]
    head = "| Against targets | Share | Target | Worth | Difference |\n| --- | ---: | ---: | ---: | ---: |"
    return "\n".join([head, *rows])


def _observed(facts: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for dimension, name in (("asset_class", "Asset classes"), ("region", "Regions"), ("sector", "Sectors")):
        largest = ", ".join(
            f"{_category(part)} {part['share_percent']} % ({_money(part['value'])})" for part in facts[dimension][:4]
        )
        found.append(f"{name}, largest first: {largest or 'none'}.")
    found.append(
        f"Cash of {_money(facts['cash'])} earns {_money(facts['yearly_interest_on_cash'])} a year at the accounts' "
        "present rates."
    )
    strengths = [
        f"{words(one['category'])} is close to its target of {one['target_percent']:g} %."
        for one in facts["against_targets"]
        if abs(_gap(one)) < DRIFTED
    ]
    return [*found, *strengths]


def _risks(facts: dict[str, Any]) -> list[str]:
    kinds = {held["symbol"]: held["kind"] for one in facts["accounts"] for held in one["positions"]}
    large = [held for held in facts["holdings"] if held["share_percent"] >= CONCENTRATED]
    risks = [_concentration(held, kinds[held["symbol"]]) for held in large]
    risks += [
        f"**{_category(part).title()}** makes {part['share_percent']} % of the portfolio ({_money(part['value'])}). A "
        "sector can stay behind the market for many years."
        for part in facts["sector"]
        if part["share_percent"] >= CONCENTRATED and part["category"] not in ("cash", "diversified", "unclassified")
    ]
    risks += [_drift_risk(one) for one in facts["against_targets"] if _gap(one) >= DRIFTED]
    cash = _share(facts, "cash")
    if cash >= MUCH_CASH:
        risks.append(
            f"Cash is {cash} % of the portfolio ({_money(facts['cash'])}) and loses to inflation over long times."
        )
    if cash < LITTLE_CASH:
        risks.append(
            f"There is next to no cash ({_money(facts['cash'])}): an unexpected expense would force a sale, perhaps "
            "in a bad year."
        )
    risks.append(
        "**Markets.** Equities have lost a third and more of their value in bad years before, and have taken years to "
        "come back. Nothing in the figures of this report says when that happens next."
    )
    risks.append(
        "**Inflation and interest.** Rising prices lower what a fixed sum buys, and rising interest lowers the price "
        "of bonds that are held already; the two often come together."
    )
    return risks


def _concentration(held: dict[str, Any], kind: str) -> str:
    size = f"**{held['symbol']}** is {held['share_percent']} % of the portfolio ({_money(held['value'])})"
    if kind in ("stock", "bond", "reit", "commodity"):
        return f"{size}: what happens to it happens to the whole, and no other holding can make up for it."
    return f"{size}. It is spread over many issuers, but one index and its largest members decide about all of it."


def _drift_risk(target: dict[str, Any]) -> str:
    return (
        f"**{words(target['category'])}** is {target['share_percent']} % against a target of "
        f"{target['target_percent']:g} %, {_money(target['difference'])} above it: more of that risk than was chosen."
    )


def _recommended(facts: dict[str, Any]) -> list[str]:
    steps = [_towards_target(one) for one in facts["against_targets"] if abs(_gap(one)) >= DRIFTED]
    if facts["missing_prices"]:
        steps.append(f"Find a price for {', '.join(facts['missing_prices'])} and run the analysis again.")
    if facts["unclassified"]:
        steps.append(f"Have {', '.join(facts['unclassified'])} classified, so that the mix is known in full.")
    if _share(facts, "cash") >= MUCH_CASH:
        steps.append("Decide how much cash is a reserve, and put the rest to work in steps of equal size.")
    if facts["years_until_retirement"] is None or facts["target_income"] is None:
        steps.append("Set the years until retirement and a target income; a retirement analysis needs both.")
    return [*steps, *ALWAYS]


def _towards_target(one: dict[str, Any]) -> str:
    how = "sell it or stop buying it" if _gap(one) > 0 else "buy it or direct new contributions to it"
    return (
        f"Bring **{_category(one)}** towards {one['target_percent']:g} %: {how} until the "
        f"difference of {_money(one['difference'])} is gone. Accounts in which sales are not taxed come first."
    )


def _background(knowledge: dict[str, Any]) -> str:
    if knowledge["status"] != "ok":
        return f"*Background notes could not be used: {_plain(knowledge['reason'])}.*"
    if not knowledge["notes"]:
        return ""
    notes = "\n\n".join(f"**{_plain(note['title'])}.** {_plain(note['text'])}" for note in knowledge["notes"])
    return f"### Background\n\n{notes}"


def _about(facts: dict[str, Any]) -> str:
    held = [position for one in facts["accounts"] for position in one["positions"]]
    sources = sorted({_source(position) for position in held if position["price"]})
    said = f"Prices: {'; '.join(sources)}. " if sources else ""
    return (
        f"{said}A holding is worth its quantity times its price, rounded to cents; all sums are sums of those. The "
        "sentences were composed by rules from these figures, without a language model. This is no advice on what to "
        "buy or sell."
    )


def _source(position: dict[str, Any]) -> str:
    source = position["price_source"] or "of unknown source"
    if source == "reference":
        return "reference data, approximate and of 2024"
    return f"{source}, as of {position['price_as_of']}" if position["price_as_of"] else source


def _share(facts: dict[str, Any], category: str) -> float:
    return next((part["share_percent"] for part in facts["asset_class"] if part["category"] == category), 0.0)


def _gap(target: dict[str, Any]) -> float:
    return target["share_percent"] - target["target_percent"]


def _category(part: dict[str, Any]) -> str:
    """A category inside a sentence; regions are names, the others are not."""
    name = words(part["category"])
    return name if part["category"] in PLACES else name.lower()


def _money(amount: str) -> str:
    return dollars(abs(Decimal(amount)))


def _signed(amount: str) -> str:
    return f"{'-' if Decimal(amount) < 0 else '+'}{_money(amount)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _plain(text: str) -> str:
    """Somebody's words without what Markdown or a table would read as its own, on one line."""
    return " ".join("".join(" " if character in "|<>[]*_`#\\$" else character for character in text).split())
