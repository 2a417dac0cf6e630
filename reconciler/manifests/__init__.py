"""Manifests: files in, Desired or every problem at once out.

validate.py     documents → Desired; the rules between documents
entries.py      the rules inside one document that a schema can't state
structs.py      what may stand in a Struct
interpolate.py  ${var:…} and ${env:…}
contradictions.py  manifests that state other ids than the chosen environment
selection.py    the models that a run is about
revision.py     a git revision's files
base.py         what a git revision's manifests state
"""
