"""Reads files into values with positions, and validates them against the JSON Schema.

load.py      paths and standard input → documents; the only reader of manifest files
account.py   paths → every entry below them: to be read, not a manifest, skipped, or an error
checkout.py  what git keeps out of the work tree: submodules, sparse checkouts
git.py       calls of git about the repository that holds a folder
parse.py     one file's text → documents, with every problem the text has
flat.py      the events of an ordinary document → its plain value, and an array of positions
tree.py      the exact builder for all other documents: resolves aliases and merge keys, reports problems
layout.py    where each value begins and ends in a text, for editing it
splice.py    a document's value before and after → edits of its text
scalars.py   how YAML 1.1 reads a plain scalar, and which results surprise people
nodes.py     paths into a document, and a tree that knows the position of every value
document.py  one document that was read
patterns.py  regular expressions of manifests, matched in bounded time
shape.py     errors of the JSON Schema as problems in plain words
schema.py    the JSON Schemas, as text and data
"""
