"""Benchmarks: what the package costs beside its peers and the limit, measured in the same run.

Each command (``python -m benchmarks.engine``) lets its contestants take turns, each in a process of its own, prints one
table, and exits 1 when a goal is missed. Ratios within one run are what counts; times differ from machine to machine.
"""
