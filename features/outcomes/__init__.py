"""Outcomes: what came after as_of. Tasks say who is eligible and what counts; labels are read for a spine.

The one room that may look beyond as_of.
"""
