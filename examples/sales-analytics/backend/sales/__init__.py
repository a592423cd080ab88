"""Sales analysis without agents: load, clean, measure, forecast, draw, report.

The stages, each a module that knows only the ones before it:

    request     what a job asks for
    loading     bytes -> rows of text with line numbers
    columns     which column means what
    values      text -> numbers, dates, ids
    parsing     rows of text -> rows of values, with a reason where that fails
    codes       which product codes are not products
    outliers    which sales are too far from the rest
    cleaning    rows -> lines, each in exactly one category
    ledger      what the cleaning did, in figures; the reconciliation with the file
    linesfile   the cleaned lines as a file
    cleaning    rows -> lines, each in exactly one category; the reconciliation with the file
    periods     lines -> weeks and months, complete or not
    trends      totals, development over time
    segments    products, countries, customers
    methods     ways to continue a series
    backtest    how wrong each of them would have been
    forecasting the coming periods, by the one that was least wrong
    insights    sentences from those figures, by rule
    tracing     whether a sentence names only figures of the results
    charts      SVG
    markdown, report_data, report   the report as Markdown
    page        the report as one HTML page

Conventions that hold everywhere:

* Money is added in `decimal.Decimal` and leaves a stage as text with two decimals (``"1234.50"``), so that sums
  reconcile to the cent; statistics (slopes, forecasts) are computed in floats and rounded once, at the end.
* Shares and changes are percentages rounded to one decimal, as numbers. What cannot be computed is None, never NaN.
* A week starts on Monday and is named by that day; a month is named ``YYYY-MM``.
* "Sales" are the kept product lines at their full price; returns are reported beside them and never netted silently.

Nothing here imports the framework except its error types, and nothing here knows about agents, models or jobs.
"""
