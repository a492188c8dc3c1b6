"""Searches: from rows laid out in time to the parameters that did best on folds; knows training, not the registry."""
