"""Drifts → proven requests.

semantics.py  how the service applies patches, in every variant that its documentation leaves open
calls.py      drifts → requests, each proven
results.py    what becomes of drifts, as values: requests, notices, refusals
"""
