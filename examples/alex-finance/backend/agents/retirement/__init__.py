"""The retirement agent."""
