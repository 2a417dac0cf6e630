"""Private files: whole-file writes, locks, signals.

folder.py       the folder that runs leave things in, and what makes it private
whole_files.py  files written whole or not at all
locks.py        one run at a time on an app
signals.py      signals that ask a run to stop
"""
