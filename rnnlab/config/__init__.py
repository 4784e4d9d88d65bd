"""From composed values to a RunConfig: the typed, checked description of one run."""
