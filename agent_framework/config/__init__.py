"""agents.yaml: models, loader, rules, registry."""
