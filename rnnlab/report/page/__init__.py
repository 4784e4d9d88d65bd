"""From numbers, sentences and figures to one page and the files beside it."""
