"""Inputs: what every estimator and metric is given, read once and refused in words.

Knows frames and arrays alone.
"""
