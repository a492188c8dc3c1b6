"""Versions of a model on one test, and the gates before one is promoted; knows models, not how they were made."""
