"""The command rnnlab-runs: what can be done with recorded runs.  No torch, no hydra.

command.py     the command, which has a subcommand for each of the modules below
find.py        runs by their settings and results
show.py        one run
compare.py     what differs between runs
delete.py      runs, with everything that belongs to them
disk.py        how much of the disk studies take
verify.py      are the files of the records as they were written?
selection.py   which runs a command line means
output.py      tables on a terminal, lines with tabs elsewhere
"""
