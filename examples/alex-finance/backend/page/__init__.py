"""One HTML page for a job: report, charts, retirement, plan and timings. It opens without a server and loads nothing.

``python -m backend.page JOB`` writes the page of a stored job. `render` puts the page together, `sections` its parts,
`markdown` turns a report into HTML, `stored` reads a job.
"""
