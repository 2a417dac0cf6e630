"""The live state over gRPC.

port.py      the interface that the other stages use
clarifai.py  its implementation: which call answers which question, and who owns a model
observe.py   all that a run needs to know of the live state
predicting.py  one call that predicts
caller.py    one call: pace, deadline, status, retries
channel.py   the gRPC channel and its options
pacing.py    when calls may start
retry.py     which failed calls are repeated, and after which wait
statuses.py  what each status code means
paging.py    listings read to their end
writes.py    the last check before a request is sent
convert.py   messages ↔ documents and resources
scrub.py     secrets and control characters in error texts
"""
