"""The data_cleaner agent: the first of every job."""

import asyncio
from dataclasses import dataclass
from typing import Any

from agents import RunContextWrapper
from pydantic import BaseModel

from agent_framework import BaseAgent, Job, OfflineTurn, agent, tool
from backend.context import SalesContext, checked_output
from backend.sales.cleaning import classify
from backend.sales.insights import cleaning_cautions, cleaning_sentences
from backend.sales.ledger import removal_summary
from backend.sales.linesfile import to_csv
from backend.sales.loading import read_table
from backend.sales.outliers import OutlierRule
from backend.sales.parsing import ParsedTable

from .templates import DATA_CLEANER_INSTRUCTIONS, DATA_CLEANER_TASK


@dataclass
class CleaningContext:
    """The job, the parsed file and its classified lines."""

    sales: SalesContext
    table: ParsedTable
    rule: OutlierRule

    def validate_schema(self) -> dict[str, Any]:
        """The figures of the tool of that name."""
        return self.sales.compute("schema", self.table.summary)

    def remove_outliers(self) -> dict[str, Any]:
        """The figures of the tool of that name."""
        return self.sales.compute("cleaning", lambda: removal_summary(self.sales.cleaned_lines, self.rule))


class CleaningReport(BaseModel):
    """What the model answers."""

    summary: list[str]


@tool
def validate_schema(wrapper: RunContextWrapper[CleaningContext]) -> dict[str, Any]:
    """Which columns the file has, which were guessed, how it was read, and which lines cannot be read and why."""
    return wrapper.context.validate_schema()


@tool
def remove_outliers(wrapper: RunContextWrapper[CleaningContext]) -> dict[str, Any]:
    """What every line became (sale, return, no product, outlier ...) with amounts that add up to the file's total."""
    return wrapper.context.remove_outliers()


@agent("data_cleaner")
class DataCleaner(BaseAgent):
    """Cleans and validates sales data."""

    instructions = DATA_CLEANER_INSTRUCTIONS
    tools = [validate_schema, remove_outliers]
    output_type = CleaningReport

    async def context(self, job: Job) -> CleaningContext:
        """Read and classify the file before a model is asked: a file that cannot be used costs no model call."""
        sales = SalesContext.of(await super().context(job))
        name, data = await sales.read_source()
        table = await asyncio.to_thread(lambda: ParsedTable(read_table(data, name), sales.request))
        sales.lines, rule = await asyncio.to_thread(classify, table)
        return CleaningContext(sales, table, rule)

    async def task(self, job: Job) -> str:
        """What to report on; the figures come from the tools."""
        return DATA_CLEANER_TASK

    def offline_answer(self, turn: OfflineTurn) -> CleaningReport:
        """Sentences by rule from the tools' results."""
        schema, cleaning = turn.tool_results["validate_schema"], turn.tool_results["remove_outliers"]
        currency = schema["currency"]
        return CleaningReport(
            summary=[*cleaning_sentences(cleaning, currency), *cleaning_cautions(schema, cleaning, currency)]
        )

    async def finish(self, output: dict[str, Any], context: CleaningContext) -> dict[str, Any]:
        """Store the lines; add the figures, whichever tools the model called."""
        sales = context.sales
        figures = {"schema": context.validate_schema(), "cleaning": context.remove_outliers()}
        stored = await sales.storage.put(sales.key("lines.csv"), to_csv(sales.cleaned_lines), content_type="text/csv")
        return checked_output(output["summary"], figures, {"lines_key": stored.key})
