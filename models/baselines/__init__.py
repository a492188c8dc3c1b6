"""Baselines: what a model must beat, from the base rate to buy-till-you-die.

A frame and outcomes come in, estimators like all others go out.
"""
