"""Supervised dictionaries: the estimator, its problem and its three solvers."""
