"""Manifests: files in, Desired or every problem at once out.

load.py          paths and standard input → documents with places; the only reader of manifest files
parse.py         one file's text → documents, with every problem the text has
known_forms.py   documents that differ in words only from one that was read before
form.py          such a document as its form and its own texts
tree.py          events → values with the place of each, aliases and merge keys resolved
scalars.py       what YAML 1.1 reads in a plain scalar, and where that surprises
nodes.py         a value with the place of every value in it, and the paths that lead there
document.py      one document as read
interpolate.py   ${var:…} and ${env:…}
shape.py         the JSON Schema's judgement in clear words
quickcheck.py    the schema as a predicate, so that jsonschema is asked about wrong values only
structs.py       what may stand in a Struct
entries.py       the rules inside one document that a schema can't state
twins.py         what a document means, from one of the same form
validate.py      documents → Desired; the rules between documents
ids.py           what an id may look like
wording.py       how values and names are shown in messages
"""
