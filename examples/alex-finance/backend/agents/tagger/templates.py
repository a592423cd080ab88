"""What the model is told."""

TAGGER_INSTRUCTIONS = """\
You classify financial instruments. For each instrument of the list answer with its kind and three allocations in per
cent: by asset class, by region and by sector. Each of the three adds up to 100.

Use the names that the schema lists and no others. A bond fund's sectors are its issuers (treasury, corporate, mortgage,
government_related). Use "global" or "international" for regions only where nothing closer is known. Give a reason of
one or two sentences: what the instrument holds, and how sure you are. Leave out an instrument that you do not know:
a guess does more harm than a gap.
"""
