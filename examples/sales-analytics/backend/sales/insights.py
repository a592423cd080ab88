"""Sentences from figures, by rule: what rose, what fell, what the sales depend on, what to be careful with.

Every figure in a sentence is a value of the results it is made from. No rule names a cause: the data says what
happened, never why. `cautions` are the sentences a reader has to know before trusting the others.
"""

from dataclasses import dataclass
from typing import Any

from .figures import MINUS, show_count, show_money, show_number, show_percent

HIGH_RETURN_PERCENT = 5.0
NOTABLE_REMOVED_PERCENT = 5.0
CONCENTRATED_PERCENT = 50.0
CATEGORY_WORDS = {
    "return": ("return", "returns"),
    "non_product": ("line whose code is no product", "lines whose codes are no products"),
    "zero_price": ("line with a price of zero or less", "lines with a price of zero or less"),
    "outlier": ("outlier", "outliers"),
    "duplicate": ("repeated line", "repeated lines"),
    "invalid": ("unreadable line", "unreadable lines"),
}
BASELINES = {"naive": "repeating the last value", "seasonal_naive": "repeating the values of one year earlier"}


@dataclass(frozen=True, slots=True)
class Facts:
    """The results a report is made from; ``forecast`` is None where the job asked for none."""

    schema: dict[str, Any]
    cleaning: dict[str, Any]
    trends: dict[str, Any]
    segments: dict[str, Any]
    forecast: dict[str, Any] | None

    @property
    def currency(self) -> str | None:
        """The currency the job named."""
        return self.trends["currency"]


def headline(facts: Facts) -> str:
    """One sentence: how much was sold, in how many orders, in which time."""
    totals = facts.trends["totals"]
    return (
        f"Sales of {show_money(totals['sales'], facts.currency)} in {show_count(totals['orders'], 'order')} "
        f"from {facts.trends['first_day']} to {facts.trends['last_day']}, "
        f"{show_money(totals['average_order'], facts.currency)} per order."
    )


def findings(facts: Facts) -> list[str]:
    """Development, then what sales depend on, then what is ahead."""
    sentences = [*trend_sentences(facts.trends), *segment_sentences(facts.segments, facts.currency)]
    return [*sentences, *(forecast_sentences(facts.forecast) if facts.forecast else [])]


def cautions(facts: Facts) -> list[str]:
    """What weakens the other sentences."""
    found = [*cleaning_cautions(facts.schema, facts.cleaning, facts.currency), *_coverage_cautions(facts.trends)]
    return [*found, *(_forecast_cautions(facts.forecast) if facts.forecast else [])]


def cleaning_sentences(cleaning: dict[str, Any], currency: str | None) -> list[str]:
    """How many lines are sales, and what the others are."""
    table = cleaning["reconciliation"]
    others = [
        show_count(row["lines"], *CATEGORY_WORDS[row["category"]])
        for row in table["rows"]
        if row["category"] != "kept" and row["lines"]
    ]
    kept = (
        f"{show_number(cleaning['kept_lines'])} of {show_number(table['total_lines'])} lines are sales, "
        f"worth {show_money(cleaning['kept_amount'], currency)}."
    )
    return [kept, f"Set aside: {', '.join(others)}."] if others else [kept]


def trend_sentences(trends: dict[str, Any]) -> list[str]:
    """The long-term direction, the latest month, the strongest and weakest month, returns."""
    currency = trends["currency"]
    sentences = [_direction(trends["trend"], currency)]
    latest = trends["latest_month"]
    if latest:
        compared = [
            _compared(latest[key], word)
            for key, word in (("before", "the month before"), ("year_ago", "a year earlier"))
        ]
        parts = [part for part in compared if part]
        sentences.append(
            f"The latest complete month, {latest['month']}, brought {show_money(latest['sales'], currency)}"
            + (f": {' and '.join(parts)}." if parts else "; no complete month before it can be compared.")
        )
    extremes = trends["extremes"]
    if extremes:
        best, weakest = extremes["best"], extremes["weakest"]
        sentences.append(
            f"The strongest of {extremes['months']} complete months was {best['month']} "
            f"({show_money(best['sales'], currency)}), the weakest {weakest['month']} "
            f"({show_money(weakest['sales'], currency)})."
        )
    totals = trends["totals"]
    if totals["return_lines"]:
        level = "high" if (totals["return_rate_percent"] or 0) >= HIGH_RETURN_PERCENT else "low"
        sentences.append(
            f"Returns are {level}: {show_money(totals['returns'], currency)} "
            f"in {show_count(totals['return_lines'], 'line')}, {show_percent(totals['return_rate_percent'])} of sales."
        )
    return sentences


def _direction(trend: dict[str, Any], currency: str | None) -> str:
    if trend["direction"] == "not enough data":
        return f"No trend can be computed: {trend['reason']}."
    unit = trend["unit"]
    slope = f"{show_money(trend['change_per_period'], currency)} a {unit}"
    median = f"median {unit}: {show_money(trend['median_period'], currency)}"
    measured = f"over {trend['periods']} complete {unit}s ({median})"
    between = f"{show_money(trend['low'], currency)} and {show_money(trend['high'], currency)}"
    if trend["direction"] == "no clear direction":
        return f"Sales show no clear direction {measured}: the trend lies between {between} a {unit}."
    return f"Sales are {trend['direction']} by {slope} {measured}; the trend lies between {between}."


def _compared(other: dict[str, Any] | None, word: str) -> str | None:
    if other is None or other["change_percent"] is None:
        return None
    verb = "up" if other["change_percent"] > 0 else "down" if other["change_percent"] < 0 else "unchanged,"
    return f"{verb} {show_percent(abs(other['change_percent']))} on {word} ({other['month']})"


def segment_sentences(segments: dict[str, Any], currency: str | None) -> list[str]:
    """Concentration by product, country and customer; what rose and what fell."""
    products, countries = segments["products"], segments["countries"]
    sentences = [
        (
            f"The product with the highest sales, {products['top'][0]['name']}, makes "
            f"{show_percent(products['top1_percent'])} of sales, the first {products['listed']} of "
            f"{show_count(products['count'], 'product')} {show_percent(products['listed_percent'])}; "
            f"{products['most_percent']} % of sales come from {show_count(products['count_for_most'], 'product')}."
        )
    ]
    if countries["count"] > 1:
        weight = (
            "depend on one country"
            if countries["top1_percent"] >= CONCENTRATED_PERCENT
            else "are spread over countries"
        )
        sentences.append(
            f"Sales {weight}: {countries['top'][0]['name']} makes {show_percent(countries['top1_percent'])} of them, "
            f"out of {show_count(countries['count'], 'country', 'countries')}."
        )
    repeat = segments["repeat_customers"]
    if repeat["customers"]:
        sentences.append(
            f"{show_number(repeat['repeat'])} of {show_number(repeat['customers'])} known customers "
            f"({show_percent(repeat['repeat_percent'])}) ordered more than once; they make "
            f"{show_percent(repeat['sales_percent'])} of the sales to known customers."
        )
    return [*sentences, *_movers(segments, currency)]


def _movers(segments: dict[str, Any], currency: str | None) -> list[str]:
    windows = segments["windows"]
    if not windows:
        return []
    against = f"{_months(windows['latest'])} against {_months(windows['before'])}"
    sentences: list[str] = []
    for direction, verb in (("rose", "rose"), ("fell", "fell")):
        parts = [
            f"{word} {moves[direction][0]['name']} ({_signed(moves[direction][0]['difference'], currency)})"
            for word, moves in (("product", segments["product_movers"]), ("country", segments["country_movers"]))
            if moves[direction]
        ]
        if parts:
            sentences.append(f"What {verb} most, {against}: {', '.join(parts)}.")
    return sentences


def _months(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _signed(text: str, currency: str | None) -> str:
    shown = show_money(text, currency)
    return shown if shown.startswith(MINUS) else f"+{shown}"


def forecast_sentences(forecast: dict[str, Any]) -> list[str]:
    """Where sales are heading, and how well the method did before."""
    if forecast["status"] != "ok":
        return [f"There is no forecast: {forecast['reason']}."]
    currency, unit, moved = forecast["currency"], forecast["unit"], forecast["change_percent"]
    if moved is None:
        against = "the same number of periods before brought nothing"
    else:
        word = "more" if moved > 0 else "less" if moved < 0 else "change"
        against = f"{show_percent(abs(moved))} {word} than the last {forecast['horizon']} complete {unit}s"
        against += f" ({show_money(forecast['recent_total'], currency)})"
    ahead = (
        f"The next {forecast['horizon']} {unit}s are forecast at {show_money(forecast['total'], currency)}: {against}."
    )
    return [ahead, verdict(forecast)]


def verdict(forecast: dict[str, Any]) -> str:
    """Which method forecasts and how it did against the baseline."""
    scores = {row["name"]: row for row in forecast["backtest"]["methods"]}
    used = scores[forecast["method"]]
    error = f"its mean error was {show_money(used['mae'], forecast['currency'])} a {forecast['unit']}"
    error += f" ({show_percent(used['wape_percent'])} of sales)" if used["wape_percent"] is not None else ""
    origins = f"in a back-test from {forecast['backtest']['origins']} starting points"
    if forecast["baseline_wins"]:
        simple = BASELINES[forecast["baseline"]]
        return f"The baseline wins: no model did better than {simple}, so that is the forecast; {error} {origins}."
    if forecast["best_model_vs_baseline_percent"] is None:
        return f"Forecast by {used['label']}; {error} {origins}."
    return (
        f"Forecast by {used['label']}; {error} {origins}, "
        f"{show_percent(abs(forecast['best_model_vs_baseline_percent']))} below the baseline "
        f"({BASELINES[forecast['baseline']]})."
    )


def cleaning_cautions(schema: dict[str, Any], cleaning: dict[str, Any], currency: str | None) -> list[str]:
    """What was assumed to read the file, and how much value the outliers took away."""
    found = list(schema["notes"])
    outliers = cleaning["outliers"]
    if outliers["lines"] and (outliers["percent_of_sales"] or 0) >= NOTABLE_REMOVED_PERCENT:
        found.append(
            f"Set aside: {show_count(outliers['lines'], 'outlier')} worth {show_money(outliers['amount'], currency)}, "
            f"{show_percent(outliers['percent_of_sales'])} of the value of all sales; "
            "totals, trends and forecast are without them."
        )
    if schema["invalid_lines"]:
        found.append(f"{show_count(schema['invalid_lines'], 'line')} could not be read.")
    return found


def _coverage_cautions(trends: dict[str, Any]) -> list[str]:
    coverage, found = trends["coverage"], []
    if coverage["uneven"]:
        found.append(
            f"The file's lines are very unevenly spread: {coverage['busiest_month']} holds "
            f"{show_percent(coverage['share_percent'])} of them, {coverage['times_median']} times a median month. "
            "Changes over time may show how the file was put together rather than how the shop sold."
        )
    gaps = trends["periods"]["gap_count"]
    if gaps:
        found.append(
            f"Without a single line: {gaps} of {trends['periods']['all']} {trends['unit']}s; "
            "trends skip such gaps, forecasts bridge them."
        )
    return found


def _forecast_cautions(forecast: dict[str, Any]) -> list[str]:
    if forecast["status"] != "ok" or float(forecast["points"][0]["low"]) > 0:
        return []
    return [
        (
            f"The forecast is very uncertain: its {forecast['backtest']['interval_level_percent']} % interval "
            "starts at zero."
        )
    ]
