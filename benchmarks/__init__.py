"""Benchmarks: counts, and ratios against a reference inside one interleaved run; never a gate on a clock."""
