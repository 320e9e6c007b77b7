"""How good plans are: cases with references, the metrics, their intervals, and the report."""
