"""One run of the tool: strings the stages together, with one method per command.

session.py     what a run has around it, and a method for each command
applying.py    one plan, written, if the live side is still as planned
probing.py     what --probe adds to a plan and to an apply
accepting.py   one accept: the manifests as they would have to be
recorded.py    a session whose live side is a recorded one
connection.py  a connection to the service, or to an emulator in this process
checkout.py    the commit and the branch of the manifests
provenance.py  who runs this process: a CI account and job, or the user of git
explaining.py  one model explained, path by path
exporting.py   which live models are exported, in which form, and where to
names.py       what a shell completes: environments, models, runs
"""

from __future__ import annotations

from reconciler.session.session import Session, saved_report

__all__ = ["Session", "saved_report"]
