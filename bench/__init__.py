"""Measurements; each prints ratios of two ways in one run."""
