"""From view model and figures to the files of the report."""
