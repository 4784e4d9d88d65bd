"""The command `rnnlab`, also `python -m rnnlab`.  --help and --version answer without importing torch or hydra;
--help with a word imports torch, since options stand where they are used."""

import sys

from rnnlab import __version__, places

HELP = """\
rnnlab {version}: recurrent networks whose activation is a setting, swept and compared

usage: rnnlab [key=value ...]        train one run
       rnnlab -m [key=a,b ...]       sweep: every combination, trained side by side, with a report at the end
       rnnlab-report DIR             write the report of a study's folder again

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


def help_text() -> str:
    listing = "".join(f"  {group:<12}{', '.join(places.options(group))}\n" for group in places.groups())
    return HELP.format(version=__version__, groups=listing)


def is_topic(word: str) -> bool:
    """Whether a word beside --help asks for something: training, cell, cell=lstm."""
    group, equals, _ = word.partition("=")
    return not word.startswith("-") and (not equals or group in places.groups()) and group != "experiment"


def show_help(topics: list[str]) -> None:
    """Print the help for the topics, or in general.  Exits with 2 for a topic that there is not."""
    if not topics:
        print(help_text(), end="")
        return
    from rich.console import Console

    from rnnlab.config.help import print_help
    from rnnlab.options import ConfigError

    try:
        print_help(topics, Console())
    except ConfigError as error:
        print(f"rnnlab: {error}", file=sys.stderr)
        sys.exit(2)


def main() -> None:
    arguments = set(sys.argv[1:])
    if {"--help", "-h"} & arguments:
        show_help([word for word in sys.argv[1:] if is_topic(word)])
        return
    if "--version" in arguments:
        print(f"rnnlab {__version__}")
        return
    try:
        if {"--multirun", "-m"} & arguments:
            from rnnlab.sweep import server

            server.start()  # it imports torch while this process does the same
        from rnnlab.app import run  # imports hydra and torch: only when there is something to do
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())


if __name__ == "__main__":
    main()
