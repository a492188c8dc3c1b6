"""Insight: a shop and a moment come in; pages of what is known go out, as tables, charts and tags."""
