"""Charts of a portfolio, computed from its valuation: Recharts-compatible JSON, and the same drawn as SVG.

`model` the form of a chart and its JSON schema (``charts.schema.json``); `portfolio_charts` the five charts and the
check that they add up; `drawing` SVG without any script; `fan` the fan chart of a projection.
"""
