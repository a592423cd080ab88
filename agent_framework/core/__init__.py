"""Orchestration: a pure planner over recorded events, and the thin engine around it."""
