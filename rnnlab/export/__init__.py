"""The records of a study in the form of another tool.  No torch, no hydra.

command.py   the command rnnlab-export
export.py    one export: the checks before it, and the folder that it is swapped into
source.py    what a target reads: the study, the times of its runs, its report
tables.py    the tables of rnnlab.load, run by run, so that a large study does not need all memory
errors.py    the error of an export
targets/     the tools, a file each
"""
