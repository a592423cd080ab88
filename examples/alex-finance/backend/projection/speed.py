"""How long the simulation takes: CPU time of one scenario with new random numbers, without imports."""

import time

from backend.portfolio.vocabulary import AssetClass

from .simulation import Question, forget_draws, simulate

RUNS = 10_000
YEARS = 55
_MIX = {AssetClass.EQUITY: 0.6, AssetClass.FIXED_INCOME: 0.3, AssetClass.COMMODITIES: 0.1}


def cpu_ms(repeats: int = 5) -> float:
    """The fastest of some repetitions, in milliseconds of one core."""
    question = Question(100_000, _MIX, 25, 100_000, years_in_retirement=YEARS - 25, runs=RUNS)
    taken: list[float] = []
    for _ in range(repeats):
        forget_draws()
        start = time.process_time()
        simulate(question)
        taken.append(time.process_time() - start)
    return 1000 * min(taken)
