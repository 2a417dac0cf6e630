"""All that a run found, as text, Markdown, HTML and JSON; the drift history.

report.py              all that a run found, its JSON document and the exit code
lists.py               the lists of sentences that all formats show
text.py                for a terminal
terminal.py            how text is laid out there
markdown.py            for pull requests and summaries
markdown_parts.py      the parts of Markdown
html.py                one self-contained page
html_parts.py          the parts of a page
cards.py               changes as cards: models with their versions, identical ones once
cards_html.py          cards as HTML, and as data for the page's script
page_style.py          the page's style
page_script.py         its script
effects.py             what a plan does to predictions, in words
effect_sections.py     that as a section of each format
effect_assets.py       the style and script of its table
unmanaged.py           what no manifest names, in words
accepted.py            what an accept did, in words and as a diff
released.py            what is no longer managed, in words
outcome.py             what every format says about the outcome of a run
edits.py               one change in words
words.py               which words of a line were changed
linediff.py            two lists of lines as edits, in bounded time
grouping.py            identical edits of several resources
explanation.py         one model explained, path by path
results.py             results of commands without a plan
table.py               rows in columns, or as blocks
width.py               how many columns a text takes
wrap.py                lines of a terminal
paint.py               its colours
frames.py              the line of a manifest that a problem is about
problems.py            problems on a terminal
escape.py              text from outside made harmless
drift_history.py       drift compared with that of earlier runs
drift_history_file.py  the file that keeps it
"""
