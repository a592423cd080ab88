"""The commands of ``python -m backend``: `trials` one agent or all, `scenarios` several accounts and users, `watching`
jobs and agents, `product` packaging and deploying, `speed` of the simulation.

`queued` is how trials reach a worker through the stage's queue.
"""
