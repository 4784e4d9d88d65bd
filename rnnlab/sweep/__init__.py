"""From many runs to many records: sweep.py is the call; the other files are what it is made of."""
