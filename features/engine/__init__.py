"""Engine: DuckDB or Spark, its temporary tables, and times as it computes them.

In come Ibis expressions, out go tables. Knows no shop.
"""
