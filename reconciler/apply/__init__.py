"""Plan → results: sending, the journal, backups, reading back, undo, purge, export, reading what is live.

results.py    what became of a plan that was written
sending.py    sends the requests, with one result for each; the only caller of `send`
batch_sizes.py  which sizes of requests the service takes, as far as the run has seen
in_flight.py  runs several requests at once, those that touch the same objects in order
writing.py    the writing half of a run: journal, backup, sending, verification
gate.py       whether objects are still as they were reviewed, before a run and before each sending
mark.py       records in owner marks what was sent and can't be read back
verify.py     which planned changes are missing from the live state afterwards
journal.py    the plan, each request and each response of a run, written to disk before the next step
backup.py     writes to disk what is about to be deleted
runs.py       the runs of a state folder: who started them, how they ended, which are undone
undo.py       the inverse of what one run wrote
purging.py    every model of an app, deleted
export.py     live models as manifests
manifest_yaml.py   manifests as YAML that people review
manifest_files.py  a file for each manifest
losses.py     what is lost when a manifest replaces an edited file
accept.py     the manifests with the drift taken into them
accept_values.py  what has to be stated for a live value
live.py       what an app has, with its secrets redacted
"""
