"""Drifts and requests → the Plan: guards, the saved document, attribution.

guards.py       what may be deleted, and what forbids it
in_use.py       what uses a model or version
plan.py         the Plan, as a value
document.py     the Plan as JSON and back
planning.py     manifests and the live side → the Plan
overrides.py    the params that a plan leads to, as those of one prediction
preview.py      what a plan does to predictions, and its documents
derived.py      the requests that a plan's changes lead to
saved.py        saved plans on disk, and the secrets that they do not hold
attribution.py  who wants each change: this revision, or its base too
"""
