"""Serving: what models are for: scores, audiences, plans, measurement, insight.

Knows features and models, and not how models were trained.
"""
