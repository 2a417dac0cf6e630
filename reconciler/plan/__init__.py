"""Drifts and requests → the Plan: guards, the saved document, attribution.

guards.py       what may be deleted, and what forbids it
deletion.py     what a deletion shows: what would be lost
policies.py     what the rules of policies say of a plan
policy_json.py  the same as JSON and back
in_use.py       what uses a model or version
plan.py         the Plan, as a value
document.py     the Plan as JSON and back
fingerprint.py  the fingerprint of a document, computed while it is written
by_types.py     what a plan asks the model types
planning.py     manifests and the live side → the Plan
overrides.py    the params that a plan leads to, as those of one prediction
preview.py      what a plan does to predictions, and its documents
derived.py      the requests that a plan's changes lead to
parts.py        parts of the document that have more than one reader
notices.py      what manifests state to no effect, and what can't be verified
reading.py      the live side, as far as a plan is about it
releasing.py    what a base manages and these manifests no longer do
unmanaged.py    live models that no manifest names
saved.py        saved plans on disk, and the secrets that they do not hold
attribution.py  who wants each change: this revision, or its base too
"""
