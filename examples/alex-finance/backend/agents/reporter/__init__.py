"""The reporter agent."""
