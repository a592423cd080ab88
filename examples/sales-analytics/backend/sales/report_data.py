"""The part of the report about the data: reconciliation, unreadable lines, columns, outliers, codes, returns."""

from .figures import show_count, show_money, show_number
from .insights import Facts, cleaning_sentences
from .markdown import escape, table

CATEGORY_TITLES = {
    "kept": "Sales (used in this report)",
    "return": "Returns",
    "non_product": "Codes that are no products",
    "zero_price": "Price of zero or less",
    "outlier": "Outliers",
    "duplicate": "Repeated lines",
    "invalid": "Unreadable lines",
}


def cleaning_section(facts: Facts) -> str:
    """What became of every line of the file."""
    schema, cleaning, currency = facts.schema, facts.cleaning, facts.currency
    books = cleaning["reconciliation"]
    rows = [
        (CATEGORY_TITLES[row["category"]], show_number(row["lines"]), show_money(row["amount"], currency))
        for row in books["rows"]
    ]
    rows.append(
        (
            "**The file**",
            f"**{show_number(books['total_lines'])}**",
            f"**{show_money(books['total_amount'], currency)}**",
        )
    )
    rows.append(("Difference", "", show_money(books["difference"], currency)))
    columns = [
        (
            column["field"].replace("_", " "),
            escape(column["column"]),
            "guessed by name" if column["guessed"] else "given",
        )
        for column in schema["columns"]
    ]
    parts = [
        "## Data and cleaning",
        " ".join(cleaning_sentences(cleaning, currency)),
        "Every line of the file is in exactly one row; an amount is quantity times unit price, added without rounding.",
        table(("Category", "Lines", "Amount"), rows, 2),
    ]
    if books["lines_without_amount"]:
        parts.append(
            f"Without a readable amount, so nothing in the totals: {show_count(books['lines_without_amount'], 'line')}."
        )
    if schema["invalid_reasons"]:
        reasons = [(reason, show_number(count)) for reason, count in schema["invalid_reasons"].items()]
        examples = ", ".join(str(example["line"]) for example in schema["invalid_examples"])
        parts += [
            "### Unreadable lines",
            f"For example lines {examples} of the file.",
            table(("Reason", "Lines"), reasons, 1),
        ]
    parts += ["### Columns", table(("Meaning", "Column in the file", "How it was found"), columns, 0)]
    return "\n\n".join(parts)


def outlier_section(facts: Facts) -> str:
    """The rule and the lines it set aside."""
    rule, outliers = facts.cleaning["outlier_rule"], facts.cleaning["outliers"]
    if not outliers["lines"]:
        return ""
    currency = facts.currency
    rows = [
        (
            str(entry["line"]),
            escape(entry["order_id"]),
            escape(entry["name"] or entry["product"]),
            show_number(float(entry["quantity"]) if "." in entry["quantity"] else int(entry["quantity"])),
            show_money(entry["unit_price"], currency),
            show_money(entry["amount"], currency),
        )
        for entry in outliers["listed"]
    ]
    note = (
        f"Sales of {show_money(rule['limit'], currency)} or more in one line, where the median line is "
        f"{show_money(rule['median'], currency)} (threshold {rule['threshold']:g})."
    )
    more = (
        [f"{show_number(outliers['lines'])} in all; the first {outliers['listed_lines']} are listed."]
        if outliers["lines"] > len(rows)
        else []
    )
    headers = ("Line", "Order", "Product", "Quantity", "Unit price", "Amount")
    return "\n\n".join(["### Outliers", note, table(headers, rows, 3), *more])


def code_section(facts: Facts) -> str:
    """Non-product codes and returns, by code."""
    parts: list[str] = []
    for title, found in (
        ("Codes that are no products", facts.cleaning["non_product"]),
        ("Returns by product", facts.cleaning["returns"]),
    ):
        if not found["codes"]:
            continue
        rows = [
            (
                escape(row["code"]),
                escape(row["name"]),
                row["reason"],
                show_number(row["lines"]),
                show_money(row["amount"], facts.currency),
            )
            for row in found["listed"]
        ]
        rest = found["rest"]
        if rest["codes"]:
            rows.append(
                (
                    f"{rest['codes']} more",
                    "",
                    "",
                    show_number(rest["lines"]),
                    show_money(rest["amount"], facts.currency),
                )
            )
        parts.append(f"### {title}\n\n" + table(("Code", "Name", "Why", "Lines", "Amount"), rows, 2))
    return "\n\n".join(parts)
