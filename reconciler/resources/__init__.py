"""The types that all stages share. Nothing here performs I/O.

tree.py        JSON trees: MISSING, paths, lookup and replacement
keys.py        the app that holds a resource, and the key of a model or version
fields.py      the managed fields of each kind of resource
ids.py         which ids are valid
desired.py     what the manifests state
policy.py      the rules that policies state
prediction.py  what is predicted: inputs, the params of one call, answers
probe.py       the inputs that probes state, and what they expect of predictions
observed.py    what the service has
canonical.py   API documents → canonical specs; equality of values
secrets.py     values that no output may show
request.py     one call that changes the service
json_text.py   JSON text of a document in pieces
wording.py     values and names in messages
"""
