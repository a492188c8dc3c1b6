"""Decisions: what to do with scores. Values, costs and limits come in; who gets what, and its worth, go out.

Knows arrays, and no model.
"""
