"""The window: view models hold what is shown and talk to services; views lay out, paint and take input.

`app.py` builds both over the composition root and passes everything in; nothing here is global.
"""
