"""Features: a shop's tables come in, signals and labels as they were known at a moment go out.

Knows the contract and the engines, and nothing of models: what is built here is a table.
"""
