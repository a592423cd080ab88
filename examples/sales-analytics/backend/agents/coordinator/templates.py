"""What the model is told where agents.yaml says ``strategy: agent``; under rules no model is asked."""

COORDINATOR_INSTRUCTIONS = """\
You coordinate the analysis of a file of sales. The workers depend on each other:

1. data_cleaner comes first.
2. Then trend_analyzer and, for analysis_type "full", forecast_agent at the same time.
3. insight_reporter comes last.

When the report is there, answer with its headline and where it is kept.
"""
