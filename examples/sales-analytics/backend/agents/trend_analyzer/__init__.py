"""Finds trends and segments in the cleaned lines."""
