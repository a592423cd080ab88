"""What somebody owns and what it is worth: the one truth that all agents use. No agents, no database, no model.

`vocabulary` the words for regions, asset classes, sectors and kinds; `allocation` percentages that add up, and money
split by them; `values` users, accounts, positions and instruments; `valuation` what they are worth and what that
consists of; `reference` the 22 instruments of ``instruments.csv``; `money` rounding and wording of amounts.
"""
