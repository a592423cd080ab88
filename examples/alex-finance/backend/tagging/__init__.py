"""Classifying instruments: `classification` what a model answers, `acceptance` what of it is stored, `scripted` the
answers of an offline run."""
