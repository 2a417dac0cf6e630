"""Desired × Observed → drifts: matching, the desired spec, params against model types, the diff, expectations.

filling.py       what ModelDefaults add to models, and where two of them contradict each other
match.py         which live model and version each manifest entry means
in_sync.py       which resources are plainly as stated
desired_spec.py  one manifest entry laid over what is there
diff.py          which resources differ, and how
results.py       what a comparison finds, as values
paths.py         the paths at which two values differ
released.py      what a base manages and the head no longer does
digests.py       the digests of values that can't be read back
unreadable.py    values that can't be read back as they were sent
expectations.py  what versions should be and no call can change

params/ checks params of versions against the model types.
"""
