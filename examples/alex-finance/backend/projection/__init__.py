"""How long the money may last: a Monte Carlo simulation on NumPy. No agents, no database.

`returns` what each asset class is assumed to return; `simulation` the conventions and the runs; `outlook` scenarios,
milestones, the gap to the 4 % rule and the levers, as JSON; `narrative` the same in sentences by rule.
"""
