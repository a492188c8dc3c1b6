"""Training: a shop or a matrix comes in; a judged model, its report and its record go out.

Knows features and models, and not what scores are used for.
"""
