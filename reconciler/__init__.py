"""Declarative reconciler for Clarifai model configuration.

Importing this package costs nothing beyond the interpreter: every command imports what it needs.
"""

__version__ = "0.1.0"
