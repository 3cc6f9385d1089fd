"""Independent experiments, one module a paper; blind to the theory they test."""
