"""Files that a run keeps on this machine, locks, and signals.

folder.py       the state folder and its permissions
whole_files.py  files that are written completely or not at all
locks.py        one run at a time per app
signals.py      signals that ask a run to stop
"""
