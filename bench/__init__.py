"""Benchmarks; each prints ratios of two alternatives in one run."""
