"""The nouns that every stage shares; nothing here reads or writes anything.

tree.py        JSON trees: the word for "absent", paths, looking up and replacing
keys.py        the app that holds a resource, and the key of a model or version
fields.py      the managed fields of each kind of resource
ids.py         what an id may look like
desired.py     what manifests ask for
observed.py    what the service has
canonical.py   API documents as canonical specs, and when two values are equal
secrets.py     values that no output may show
request.py     one call that changes the service, as a value
wording.py     how values and names are shown in messages
"""
