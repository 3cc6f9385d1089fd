"""One module a paper: stored experiments in, figures out."""
