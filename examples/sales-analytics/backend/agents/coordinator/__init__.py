"""Coordinates sales data analysis."""
