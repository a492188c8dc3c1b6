"""Signals: one file for each group. A past comes in, declared columns go out.

Sees nothing but what `history` gives it: no raw table, no future.
"""
