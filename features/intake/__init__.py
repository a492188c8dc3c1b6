"""Intake: a shop's raw files, databases and queries come in; accepted rows and a report go out.

Knows the contract and the mapping of each table. Every row is used, excluded or set aside, and counted.
"""
