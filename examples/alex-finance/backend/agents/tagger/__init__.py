"""The tagger agent."""
