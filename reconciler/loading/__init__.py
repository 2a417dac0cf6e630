"""Files → values that know their line; the schema judges them.

load.py         paths and standard input → documents; the only reader of manifest files
parse.py        one file's text → documents, with every problem the text has
known_forms.py  documents that differ in words only from one that was read before
form.py         such a document as its form and its own texts
tree.py         events → values with the place of each, aliases and merge keys resolved
scalars.py      what YAML 1.1 reads in a plain scalar, and where that surprises
nodes.py        a value with the place of every value in it, and the paths that lead there
document.py     one document as read
shape.py        the JSON Schema's judgement in clear words
quickcheck.py   the schema as a predicate
schema.py       the JSON Schemas, as text and data
"""
