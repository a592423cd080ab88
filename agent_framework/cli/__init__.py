"""The command ``agent-framework``: thin click commands over the package."""
