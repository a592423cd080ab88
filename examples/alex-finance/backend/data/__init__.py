"""Where users, accounts, positions and instruments are kept: SQLite on a laptop, PostgreSQL deployed.

`store` the operations, with SQL that is the same on both; `drivers` how each database is reached; `schema` migrations;
`settings` which database this is; `seed` the reference instruments and the test users.
``python -m backend.data`` is the command.
"""
