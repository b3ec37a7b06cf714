"""The results page: every measuring command, run once each, and their figures as one Markdown page."""
