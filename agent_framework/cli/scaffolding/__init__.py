"""What ``init`` and ``add-agent`` do, without the command around it: plan files, then write all of them or none.

Stages: `names` (is the name allowed) -> `project`, `new_agent` (the files and their texts, from `templates`) ->
`files` (write). `agents_yaml` adds an entry to a file that somebody wrote by hand.
"""
