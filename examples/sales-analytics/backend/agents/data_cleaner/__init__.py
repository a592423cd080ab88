"""Reads the file and puts every line into exactly one category."""
