"""What the page knows of its runs beside the figures, as plain data for its scripts.

columns.py   one column per setting, metric and diagnostic: what the table of runs and the section Explore show
curves.py    curves.csv of all runs, packed into few bytes
examples.py  predictions and gradients of some runs
packing.py   data as text that can stand in a page
"""
