"""Estimators: propensity and value. A frame and outcomes come in, a fitted model goes out.

Knows inputs and LightGBM; knows no shop and no registry.
"""
