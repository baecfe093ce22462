"""Checks a case file where there is no Amends: no database, no settings, Python's standard library alone.

`python3 -m verifier case-file-R-12.zip --anchor 1204:5f0c…`. Each case file carries a copy of this folder.
"""
