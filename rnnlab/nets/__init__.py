"""Networks: activations, cells, initializers, losses, optimisers, schedules.  Nothing here knows what a run is."""
