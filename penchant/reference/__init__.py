"""Pages of the reference that are written from declarations: configuration, tasks, goals, metrics, errors, the API.

Knows what it describes, and is known by `penchant.docs` alone.
"""
