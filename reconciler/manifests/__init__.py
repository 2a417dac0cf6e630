"""Manifests: files in, Desired or every problem at once out.

validate.py     documents → Desired; the rules between documents
kinds.py        the kinds of documents, and what each is read into
header.py       apiVersion and kind
identity.py     the ids in a document's metadata
reading.py      what a reader is given beside its document
defaults.py     what a document of kind ModelDefaults selects and states
policies.py     the rules inside and between policies
probes.py       the inputs and expectations of probes
probe_files.py  the files that the inputs of probes name
cel.py          expressions in CEL, bounded
entries.py      the rules inside one document that a schema can't state
structs.py      what may stand in a Struct
interpolate.py  ${var:…} and ${env:…}
contradictions.py  manifests that state other ids than the chosen environment
selection.py    the models that a run is about
revision.py     a git revision's files
base.py         what a git revision's manifests state
"""
