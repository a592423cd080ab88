"""The portfolio report: `facts` what it may say, `knowledge` notes on investing that are searched locally, `judge` what
every report must pass, `compose` the report by rules, `finished` which of the two is published."""
