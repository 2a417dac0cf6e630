"""What the pipeline around a run gets, besides the run's report.

github.py     workflow commands, step summary and outputs of GitHub Actions
gitlab.py     GitLab's report of a plan
metrics.py    the findings of drift, for Prometheus
junit.py      problems of manifests as JUnit XML
comments.py   one comment on a pull request, or one issue, kept up to date
rest.py       GitHub's REST API: waits, retries, pages
"""
