"""Contestants: each module is one turn of one of those that are compared, in a process of its own."""
