"""Store: models as plain files, and MLflow, where runs and versions are kept.

Fitted models and records come in; files, runs and the models in use go out.
"""
