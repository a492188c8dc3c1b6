"""Web: ready results come in; pages for people who plan campaigns, and JSON for programs, go out.

Reads what other steps have written below out/; whatever takes long runs as a job, the same commands as by hand.
Knows all rooms below it; nothing knows it but the command line.
"""
