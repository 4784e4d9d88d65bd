"""The command rnnlab-runs: what can be done with recorded runs.  No torch, no hydra.

command.py   the command, which has a subcommand for each of the modules below
verify.py    are the files of the records as they were written?
"""
