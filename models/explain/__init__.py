"""Explain: why a row got its score. A fitted model and rows come in; contributions and reasons go out."""
