"""Drifts → proven requests.

semantics.py  the service's rules for patches, in every variant that the documentation leaves open
calls.py      drifts → requests, each proven
deletions.py  allowed keys → deletion requests
splitting.py  a request cut in two; which planned field it carries
"""
