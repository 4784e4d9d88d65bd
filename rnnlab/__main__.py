"""The command `rnnlab`, also `python -m rnnlab`.  --help and --version answer without importing torch or hydra;
--help with a word imports torch, since options stand where they are used."""

import signal
import sys
from collections.abc import Collection, Sequence

from rnnlab import __version__, arguments, places, plugins
from rnnlab.options import ConfigError, in_one_line

HELP = """\
rnnlab {version}: recurrent networks whose activation is a setting, swept and compared

usage: rnnlab [key=value ...]        train one run
       rnnlab -m [key=a,b ...]       sweep: every combination, trained side by side, with a report at the end
       rnnlab-report DIR             write the report of a study's folder again; --watch while it is running
       rnnlab-runs find DIR          find runs by their settings; show, compare, delete, verify them
       rnnlab-export DIR --to csv    the same study for another tool: csv, parquet, tensorboard, mlflow

groups, chosen by group=name, their options set by group.option=value:
{groups}
sections: readout, init, training, divergence; single keys: seed, study, device, backend

examples:
  rnnlab task=digits cell.activation=relu optimizer.learning_rate=0.003
  rnnlab -m task=sines cell.activation=tanh,relu 'seed=range(10)' study=my_first
  rnnlab -m experiment=activations training.steps=1000
  rnnlab -m experiment=activations until=decided    more seeds, until its claims are decided

  rnnlab --help training   the options of a section: key, default, what is allowed, what it means
  rnnlab --help cell=lstm  those of a group's member; --help cell lists the members
  rnnlab --version         its version
  rnnlab --cfg job         every key with its value (add overrides to see them take effect)
  rnnlab --hydra-help      Hydra's own flags
"""


def help_text(words: Sequence[str] = ()) -> str:
    """words: of the command line, which may name plugins and a --config-dir.  Raises ConfigError."""
    folder, listing = arguments.config_dir(words), ""
    known = _registered() if use_plugins(words) else {group: places.options(group) for group in places.groups()}
    for group in places.groups():
        names = sorted({*known.get(group, places.options(group)), *arguments.members_in(folder, group)})
        listing += f"  {group:<12}{', '.join(names)}\n"
    return HELP.format(version=__version__, groups=listing)


def use_plugins(words: Sequence[str]) -> bool:
    """Import the plugins of the command line and of installed packages; whether there are any.  Raises ConfigError."""
    names, folder = arguments.plugins_of(words)
    if names or plugins.installed():
        import rnnlab.config.run  # noqa: F401  it checks the options of what plugins add
    plugins.use(plugins.listed(names), folder)
    return bool(plugins.loaded())


def _registered() -> dict[str, list[str]]:
    from rnnlab.config.run import GROUPS

    return {group: list(members) for group, members in GROUPS.items()}


def is_topic(word: str) -> bool:
    """Whether a word beside --help asks for something: training, cell, cell=lstm."""
    group, equals, _ = word.partition("=")
    return not word.startswith("-") and (not equals or group in places.groups()) and group != "experiment"


def show_help(words: Sequence[str]) -> None:
    """Print the help for the topics among the words, or in general.  Exits with 2 for a topic that there is not."""
    topics = [word for word in arguments.without_config_dir(words) if is_topic(word)]
    try:
        if topics:
            _show_topics(topics, words)
        else:
            print(help_text(words), end="")
    except ConfigError as error:
        print(f"rnnlab: {in_one_line(error)}", file=sys.stderr)
        sys.exit(2)


def _show_topics(topics: Sequence[str], words: Sequence[str]) -> None:
    from rich.console import Console

    from rnnlab.config.help import print_help

    use_plugins(words)
    folder, files = arguments.config_dir(words), {}
    if folder:
        from rnnlab.app import composed_members

        groups = {topic.partition("=")[0] for topic in topics} & set(places.groups()) - {"experiment"}
        files = composed_members(folder, sorted(groups))
    print_help(topics, Console(), files)


def main() -> None:
    arguments = set(sys.argv[1:])
    if {"--help", "-h"} & arguments:
        show_help(sys.argv[1:])
        return
    if "--version" in arguments:
        print(f"rnnlab {__version__}")
        return
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: from here on Ctrl-C could only show a traceback
    sys.exit(code)


def _run(arguments: Collection[str]) -> int:
    """Train.  Returns the exit code."""
    if {"--multirun", "-m"} & set(arguments):
        from rnnlab.sweep import server

        server.start()  # it imports torch while this process does the same
    from rnnlab.app import run  # imports hydra and torch: only when there is something to do

    return run()


if __name__ == "__main__":
    main()
