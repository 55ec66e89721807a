"""Which directions are read off rows, and along which ones rows are then moved."""
