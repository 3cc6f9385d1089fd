"""Closed forms and exact results, one module a paper; numpy and scipy only."""
