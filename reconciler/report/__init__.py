"""All that a run found, as text, Markdown, HTML and JSON; the drift history.

report.py              all that a run found, its JSON document and the exit code
text.py                for a terminal
markdown.py            for pull requests and summaries
html.py                one self-contained page
assets.py              the page's style and script
outcome.py             what every format says about the outcome of a run
edits.py               one change in words
linediff.py            two lists of lines as edits, in bounded time
grouping.py            identical edits of several resources
results.py             results of commands without a plan
table.py               columns
wrap.py                lines of a terminal
escape.py              text from outside made harmless
drift_history.py       drift compared with that of earlier runs
drift_history_file.py  the file that keeps it
"""
