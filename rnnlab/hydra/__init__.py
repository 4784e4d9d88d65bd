"""Everything about Hydra: from its jobs to runs, and from finished runs to what Hydra's users expect in a job's folder.

launch.py      what the sweeper and the launcher of hydra_plugins/rnnlab_packed do, for any application
compose.py     the jobs of a sweep, composed quickly
runs.py        rnnlab's own jobs: each one is a run
files.py       what a job leaves: .hydra/, its JobReturn, its callbacks
studies.py     experiments/ as config groups
yaml_files.py  the files of a person's own --config-dir
refusals.py    overrides that would not mean what they say
errors.py      what cannot be used, in one line
internals.py   the private names of Hydra and OmegaConf that cannot be avoided
"""
