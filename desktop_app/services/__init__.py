"""The use cases: index folders, search, explain, feedback, maintenance, doctor.

Long work is a plain generator of `Progress`; each yield is a point where it can be paused or stopped. Nothing
here knows a window or a terminal.
"""
