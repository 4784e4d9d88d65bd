"""Trained networks: from the record of a run to a module of torch that predicts in the data's own units."""
