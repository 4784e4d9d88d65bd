"""The command rnnlab-report: read folders of runs, write their report, print where the page is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

HELP = """\
Write the report of a study: DIR/report/index.html, one page that needs no network, with its figures (PNG, SVG) and
tables (CSV) beside it.  DIR is the folder of a sweep, which holds a folder for each run.  The command can be run at any
time: it reports on the runs that are there, and names those that failed, are missing or cannot be read.
For a folder of several studies it also writes a page over all of them.  Two folders are compared, before and after.
With --fill PAGE, tables, verdicts and figures go into your own page of Markdown instead, between markers.
"""
EXAMPLES = """\
examples:
  rnnlab-report outputs/activations                  the report of a study
  rnnlab-report outputs/activations --watch          the same while it is running, kept fresh
  rnnlab-report outputs                              all studies, and a page over them
  rnnlab-report outputs/activations --only cell.activation=relu
                                                     the report of a part of it
  rnnlab-report outputs/before outputs/after         what changed
  rnnlab-report --format md outputs/activations      Markdown, for a README or a pull request
  rnnlab-report outputs/irnn --fill irnn.md          the blocks of your own page, and results/irnn/ beside it
  rnnlab-report --fill irnn.md                       the same, from results/irnn/ alone
"""
REASONS_SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: the page is written and its path printed.  2: there is no report, and stderr says why."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not arguments.folders and not arguments.fill:
        parser.error("the following arguments are required: DIR")
    if complaint := _cannot_be(arguments):
        print(f"rnnlab-report: {complaint}", file=sys.stderr)
        return 2

    from rnnlab.options import ConfigError
    from rnnlab.records.files import RecordError
    from rnnlab.report.reading.folders import StudyError

    try:
        page = _write(arguments)
    except StudyError as error:
        print(f"rnnlab-report: {error}", file=sys.stderr)
        for reason in error.reasons[:REASONS_SHOWN]:
            print(f"  {reason}", file=sys.stderr)
        if len(error.reasons) > REASONS_SHOWN:
            print(f"  and {len(error.reasons) - REASONS_SHOWN} more", file=sys.stderr)
        return 2
    except (ConfigError, RecordError) as error:
        print(f"rnnlab-report: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        place, what = (arguments.fill, "page") if arguments.fill else (arguments.folders[-1], "report")
        print(f"rnnlab-report: {place}: the {what} cannot be written ({error.strerror or error})", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rnnlab-report: interrupted; an older report is left as it was", file=sys.stderr)
        return 130
    if arguments.watch:
        print("nobody is at work in the study any longer; the page stays as it is")
    else:
        _show(page, arguments.open)
    return 0


def _show(page: Path, opens: bool) -> None:
    print(page, flush=True)
    if opens:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rnnlab-report",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", metavar="DIR", nargs="*", type=Path, help="the folder of a sweep; two to compare")
    parser.add_argument("--format", choices=("html", "md"), default="html", help="html (default), or md beside it")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--only",
        metavar="CONDITION",
        action="append",
        default=[],
        help="a part of the study, in a folder of its own: runs with these settings, as cell.activation=relu,tanh or "
        "'training.steps>1000'; several are joined by and",
    )
    parser.add_argument(
        "--where",
        metavar="CONDITION",
        action="append",
        default=[],
        help="likewise, runs with these results, as outcome=diverged or 'test_loss<0.1'; no claim is judged then",
    )
    parser.add_argument(
        "--fill",
        metavar="PAGE",
        type=Path,
        help="write the blocks of this page of Markdown; without DIR, from the tables that were stored beside it",
    )
    parser.add_argument("--watch", action="store_true", help="keep the page fresh until the sweep has ended")
    parser.add_argument("--force", action="store_true", help="make the report again even if no file changed")
    return parser


def _cannot_be(arguments: argparse.Namespace) -> str:
    """Why these arguments do not go together; empty where they do."""
    if arguments.fill:
        others = arguments.only or arguments.where or arguments.watch or arguments.force or arguments.format != "html"
        alone = "--fill: takes at most one folder, and of the other options --open"
        return alone if others or len(arguments.folders) > 1 else ""
    if len(arguments.folders) > 2:
        return "at most two folders can be compared"
    if (arguments.only or arguments.where) and (arguments.watch or len(arguments.folders) > 1):
        return "--only, --where: choose runs of one study, without --watch"
    if arguments.watch and (len(arguments.folders) > 1 or arguments.format != "html"):
        return "--watch: keeps the HTML page of one study fresh; name one folder, without --format md"
    return ""


def _write(arguments: argparse.Namespace) -> Path:
    if arguments.fill:
        from rnnlab.report.findings.fill import fill

        return fill(arguments.fill, *arguments.folders)
    first, *second = arguments.folders
    if second:
        from rnnlab.report.page.compare import write_comparison

        return write_comparison(first, second[0], arguments.format)
    from rnnlab.report.page.write import write_report
    from rnnlab.report.reading.folders import StudyError, study_folders
    from rnnlab.report.reading.part import parse_part

    if arguments.watch:
        from rnnlab.report.page.watch import watch

        return watch(first, say=lambda page: _show(page, arguments.open))
    part = parse_part(arguments.only, arguments.where) if arguments.only or arguments.where else None
    if study_folders(first):
        from rnnlab.report.page.index import write_index

        if part:
            raise StudyError(f"{first}: holds several studies; --only and --where choose runs of one")
        return write_index(first, arguments.format, arguments.force, say=print)
    return write_report(first, arguments.format, arguments.force, part=part)


if __name__ == "__main__":
    sys.exit(main())
