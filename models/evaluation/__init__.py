"""Evaluation: what scores are worth. Outcomes and scores come in; numbers with intervals, curves and checks go out.

Knows no model: any scores will do.
"""
