"""Files → values that know their line; the schema judges them.

load.py      paths and standard input → documents; the only reader of manifest files
account.py   paths → every entry below them: to be read, no manifest by its name, skipped, or an error
checkout.py  what git keeps out of the work tree: submodules, sparse checkouts
git.py       calls of git about the repository that holds a folder
parse.py     one file's text → documents, with every problem the text has
flat.py      the events of an ordinary document → its plain value and, flat beside it, where everything stands
tree.py      the exact builder for all other documents: aliases and merge keys resolved, problems reported
scalars.py   what YAML 1.1 reads in a plain scalar, and where that surprises
nodes.py     paths into a document, and a tree that knows the position of every value
document.py  one document as read
patterns.py  regular expressions of manifests, matched in bounded time
shape.py     the JSON Schema's judgement in clear words
schema.py    the JSON Schemas, as text and data
"""
