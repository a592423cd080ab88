"""The charter agent."""
