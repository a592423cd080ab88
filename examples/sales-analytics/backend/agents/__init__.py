"""One package per agent named in agents.yaml."""
