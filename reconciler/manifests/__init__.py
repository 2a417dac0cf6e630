"""Manifests: files in, Desired or every problem at once out.

load.py          paths and standard input → documents with places; the only reader of manifest files
parse.py         one file's text → YAML events, with its limits
tree.py          events → values with the place of each, aliases and merge keys resolved
scalars.py       what YAML 1.1 reads in a plain scalar, and where that surprises
document.py      a document and the places of its values
interpolate.py   ${var:…} and ${env:…}
shape.py         the JSON Schema's judgement in clear words
quickcheck.py    the schema as a predicate, so that jsonschema is asked about wrong values only
structs.py       what may stand in a Struct
entries.py       the rules inside one document that a schema can't state
validate.py      documents → Desired; the rules between documents
ids.py           what an id may look like
wording.py       how values and names are shown in messages
"""
