"""What deploying is made of, without the commands around it.

`tfvars` turns agents.yaml and a stage into Terraform's variables; `environment`, `models`, `infrastructure` and
`agents` each know one part of that, and call nothing. `packaging` builds the zips. `deployer` and `destroyer` are the
steps of their commands, over `checks`, `state_bucket`, `terraform` and `aws`; `stage_status` and `stage_logs` look at
what is there. Only `aws` and `migration` call AWS, only `terraform` runs Terraform; nothing here imports the project's
code.
"""
