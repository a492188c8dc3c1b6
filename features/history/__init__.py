"""History: the only door to the past.

In comes a shop with a spine, out go questions answered for each row as it stood before its as_of.
Knows the shop's facts; knows no signal.
"""
