"""Drifts → proven requests.

semantics.py  the service's rules for patches, in every variant that the documentation leaves open
calls.py      drifts → requests, each proven
"""
