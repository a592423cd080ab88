"""The simulation: 10,000 possible lives of a portfolio, year by year.

Conventions, all in dollars of the day:

1. Until retirement each year brings its return on the whole balance, then the contribution at the year's end.
2. In retirement the year's income is withdrawn at its beginning; what is left earns the year's return.
3. The target income is that of the first year of retirement. Inflation starts there: each later withdrawal is larger by
   the inflation rate. Before retirement nothing is inflated, and contributions stay as they are.
4. A run succeeds if every withdrawal was paid in full. One that cannot is paid what is left, and the balance stays 0.
5. No year loses more than everything. Taxes, fees and other income are left out.

The random numbers depend on the seed and the number of years and runs alone. Questions that are compared (another
income, another contribution, another scenario) therefore meet the same markets, and more money never does worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agent_framework.errors import ProjectError
from backend.portfolio.vocabulary import AssetClass

from .returns import combined

Floats = NDArray[np.float64]
MAX_YEARS = 60
MAX_RUNS = 200_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is simulated. Amounts are dollars a year, rates fractions."""

    balance: float
    mix: Mapping[AssetClass, float]
    years_to_retirement: int
    income: float
    contribution: float = 10_000.0
    years_in_retirement: int = 30
    inflation: float = 0.03
    mean_shift: float = 0.0
    """Added to the mix's mean return: what a scenario supposes."""
    runs: int = 10_000
    seed: int = 20_250_101

    def __post_init__(self) -> None:
        for name in ("years_to_retirement", "years_in_retirement"):
            if not 0 <= getattr(self, name) <= MAX_YEARS:
                raise ProjectError(f"{name} is {getattr(self, name)}; 0 to {MAX_YEARS} can be simulated")
        for name in ("balance", "income", "contribution"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ProjectError(f"{name} is {getattr(self, name)}; it has to be an amount of 0 or more")
        if not 1 <= self.runs <= MAX_RUNS:
            raise ProjectError(f"{self.runs} runs; 1 to {MAX_RUNS:,} can be simulated")

    @property
    def years(self) -> int:
        """Years in all."""
        return self.years_to_retirement + self.years_in_retirement


@dataclass(frozen=True, slots=True)
class Runs:
    """What came out. ``balances`` is (years + 1, runs): today, then the end of each year."""

    question: Question
    balances: Floats
    years_paid: NDArray[np.int64]
    """For each run, how many withdrawals were paid in full."""

    @property
    def success_rate(self) -> float:
        """Share of runs in which every withdrawal was paid in full."""
        return float(np.mean(self.years_paid == self.question.years_in_retirement))

    @property
    def at_retirement(self) -> Floats:
        """Balances when retirement begins."""
        return self.balances[self.question.years_to_retirement]

    @property
    def final(self) -> Floats:
        """Balances at the end."""
        return self.balances[-1]


def simulate(question: Question) -> Runs:
    """Simulate all runs at once; the loop is over years."""
    assumed = combined(question.mix)
    growth = assumed.deviation * _draws(question.seed, question.years, question.runs)
    growth += 1.0 + assumed.mean + question.mean_shift
    np.maximum(growth, 0.0, out=growth)
    balances = np.empty((question.years + 1, question.runs))
    balances[0] = question.balance
    paid = np.zeros(question.runs, dtype=np.int64)
    retired = question.years_to_retirement
    for year in range(question.years):
        before, after = balances[year], balances[year + 1]
        if year < retired:
            np.multiply(before, growth[year], out=after)
            after += question.contribution
            continue
        withdrawal = question.income * (1.0 + question.inflation) ** (year - retired)
        paid += (before >= withdrawal) & (paid == year - retired)
        np.subtract(before, withdrawal, out=after)
        np.maximum(after, 0.0, out=after)
        after *= growth[year]
    return Runs(question, balances, paid)


@lru_cache(maxsize=4)
def _draws(seed: int, years: int, runs: int) -> Floats:
    """Standard normal numbers by year and run, and never written to: every question with this seed meets them."""
    drawn = np.random.default_rng(seed).standard_normal((years, runs))
    drawn.setflags(write=False)
    return drawn


def forget_draws() -> None:
    """Draw random numbers anew from now on, as a new process does."""
    _draws.cache_clear()
