"""The statistics of a study: seeds and test texts as crossed random factors (docs/statistics.md)."""
