"""Forecasts the coming weeks or months."""
