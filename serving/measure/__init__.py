"""Measure: a campaign's assignments and what came after go in; what the contact changed goes out, with intervals.

Knows the shop and the record, and no model.
"""
