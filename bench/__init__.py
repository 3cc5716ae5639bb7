"""Benchmarks: each prints figures, none is a test. docs/performance.md keeps them and says how to repeat them."""
