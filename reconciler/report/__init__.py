"""All that a run found, as text, Markdown, HTML and JSON; drift history.

report.py        all that a run found, its JSON document and the exit code
text.py          for a terminal
markdown.py      for pull requests and summaries
html.py          one page on its own
assets.py        the page's style and script
outcome.py       what all formats say of how a run ended
edits.py         one change in words
grouping.py      equal edits on several resources
results.py       JSON and small results on standard output
table.py         columns
wrap.py          lines of a terminal
escape.py        text from outside kept harmless
memory.py        drift beside what earlier runs saw
memory_file.py   the file that keeps it
recollection.py  the same in words
"""
