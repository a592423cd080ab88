"""What deploying is made of, without the commands around it.

`tfvars` turns agents.yaml and a stage into Terraform's variables; `environment`, `models` and `infrastructure` each
know one part of that. Nothing here calls AWS, runs Terraform, imports the project's code or reads the environment.
"""
