"""What the pipeline around a run gets, besides the run's report.

github.py          workflow commands, step summary and outputs of GitHub Actions
gitlab.py          GitLab's report of a plan
metrics.py         the findings of drift, for Prometheus
findings.py        what a run found, as a flat list
junit.py           findings as JUnit XML
code_quality.py    findings as GitLab's Code Quality report
webhook.py         one message about a run to a webhook
posting.py         what the one comment or issue says, and when
comments.py        one comment or issue, kept up to date
github_threads.py  comments and issues on GitHub
gitlab_notes.py    notes on GitLab
rest.py            the REST API of a forge: waits, retries, pages
"""
