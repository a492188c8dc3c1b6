"""Options: what each command can be told, as frozen values; their docstrings are the commands' help.

Nothing heavy is imported here, so that help answers at once.
"""
