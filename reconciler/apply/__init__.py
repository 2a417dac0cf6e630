"""Plan → results: sending, the journal, backups, reading back, undo, purge, export, reading what is live.

sending.py    requests → one result each; the only caller of `send`
in_flight.py  several requests under way at once, in order where they touch the same
writing.py    the writing half of a run: journal, backup, sending, reading back
gate.py       are these objects still as they were reviewed? asked before a run and before each sending
mark.py       what was sent and can't be read back, recorded in owner marks
verify.py     what of a plan is not there afterwards
journal.py    what a run meant, sent and heard, on disk before each call
backup.py     what is about to be deleted, on disk
runs.py       the runs of a state folder: who started them, how they ended, which are undone
undo.py       the inverse of what one run wrote
purging.py    every model of an app, deleted
export.py     live models as manifests, and a file for each
live.py       what an app has, with its secrets redacted
"""
