"""Conclusions from measurements: statistics with intervals, the verdict, figures, tables and the report."""
