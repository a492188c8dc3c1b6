"""Audience: candidates and a goal come in; one ranked list with its holdout goes out.

Knows goals and what candidates are worth; knows no model.
"""
