"""Linear subspaces from moments: Stein subspaces."""
