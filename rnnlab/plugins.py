"""Plugins: Python files and installed modules that register activations, cells, tasks and more when they are imported.

    plugins=[my.py]         a file; the path is relative to the current folder, or to the study's file that names it
    plugins=[mypackage]     an installed module
    entry points            of the group "rnnlab": every module that an installed package names there is a plugin
    import mine             in a program that calls rnnlab.run or rnnlab.sweep

A file travels to other processes and machines as text, and they never look for its path.  An installed module must be
installed wherever runs are computed.  A plugin is known by the digest of its source, which is part of the identity of
every run that uses one of its entries.  A plugin is code that its user trusts; none is ever read from a record.
"""

from __future__ import annotations

import hashlib
import linecache
import platform
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnlab.options import ConfigError, shown
from rnnlab.registry import PROGRAM, Registry

GROUP = "rnnlab"  # of entry points


@dataclass(frozen=True)
class Plugin:
    """The source of a plugin.  To unpickle it is to import it: what was pickled after it may need its classes.

    name: of a file without its folder, or of a module.  text: of a file; None for a module.  path: where the file lay,
    for tracebacks."""

    name: str
    sha256: str
    text: str | None = None
    path: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return arrived, (self.name, self.sha256, self.text, self.path)

    @property
    def module(self) -> str:
        """Under what name its code runs: the module that its entries come from, or the package of that module."""
        return self.name.partition(".")[0] if self.text is None else f"rnnlab_plugin_{self.sha256[:16]}"


_LOADED: dict[str, Plugin] = {}  # by name


def loaded() -> tuple[Plugin, ...]:
    """The plugins whose entries are registered in this process."""
    return tuple(_LOADED.values())


def plugin_of(module: str | None) -> Plugin | None:
    """The plugin that a module belongs to; None for rnnlab itself.

    A module that the program has imported by itself becomes a plugin by this.  Raises ConfigError for the program: no
    other process could import it, and no record could say what it computes."""
    package = (module or "").partition(".")[0]
    if package in ("", "rnnlab"):
        return None
    if package == PROGRAM:
        raise ConfigError(
            "plugins: what stands in the script or notebook itself cannot be used; define it in a file, and name that "
            "by plugins=[my.py]"
        )
    found = next((plugin for plugin in loaded() if plugin.module == package), None)
    return found or _LOADED.setdefault(package, Plugin(package, _digest(package)))


def use(names: Iterable[str], folder: Path) -> None:
    """Import these plugins and those of installed packages, and remove the files that an earlier call has imported.

    names: paths, relative to `folder`, and names of modules.  Raises ConfigError for a plugin that cannot be imported;
    none of its entries stays registered."""
    wanted = [_read(name, folder) for name in dict.fromkeys(names)]
    for plugin in loaded():
        if plugin.text is not None and plugin not in wanted:
            _unload(plugin)
    use_installed()
    for plugin in wanted:
        _load(plugin)


def use_installed() -> None:
    """Import the plugins of installed packages, where that has not been done.  Raises ConfigError.

    Commands do it at their start.  What stands in a program, such as rnnlab.RNN, does it when it meets a name that is
    not known."""
    for module, package in installed().items():
        try:
            _load(_read(module, Path()))
        except ConfigError as error:
            raise ConfigError(
                f"{error} (an entry point of the installed package {package}, which every command imports: "
                f"repair it, or `pip uninstall {package}`)"
            ) from error.__cause__


def in_one_line(error: BaseException, module: str | None) -> str:
    """What a plugin's code has raised, and where in its file: "RuntimeError: no data (my.py, line 3)"."""
    package = (module or "").partition(".")[0]
    name, path = next(((own.name, own.path) for own in loaded() if own.module == package), (package, ""))
    where = _line(error, path)
    where = f" ({name}{where})" if where.startswith(",") else where
    return f"{type(error).__name__}: {_first_line(error)}{where}"


def check_loaded(names: Iterable[str]) -> None:
    """Raise ConfigError for a plugin that a composed config names, and that was not found before it was composed."""
    for name in names:
        if (Path(name).name if name.endswith(".py") else name) not in _LOADED:
            raise ConfigError(f"plugins: {name!r}; must stand on the command line, or in the file of the chosen study")


def listed(names: Any) -> list[str]:
    """The value of the key `plugins` as a list.  Raises ConfigError."""
    if isinstance(names, str):
        names = [names]
    for name in names if isinstance(names, Sequence) else [] if names is None else [names]:
        if not isinstance(name, str) or not name:
            raise ConfigError(
                f"plugins: {shown(name)}; must be a list of Python files and installed modules, as [my.py]"
            )
    return list(names or [])


@cache
def installed() -> dict[str, str]:
    """The modules that installed packages name as entry points, each with the name of its package."""
    return {entry.module: entry.dist.name if entry.dist else entry.name for entry in entry_points(group=GROUP)}


def _read(name: str, folder: Path) -> Plugin:
    if not name.endswith(".py"):
        return Plugin(name, _digest(name))
    path = folder / name
    try:
        content = path.read_bytes()
        return Plugin(path.name, hashlib.sha256(content).hexdigest(), content.decode("utf-8-sig"), str(path))
    except OSError as error:
        raise ConfigError(f"plugins: {str(path)!r}; cannot be read ({(error.strerror or '').lower()})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"plugins: {str(path)!r}; is not UTF-8 text, see its byte {error.start}") from None


@cache
def _digest(module: str) -> str:
    """Of all Python files of the package that a module belongs to.  Raises ConfigError where it is not installed."""
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise ConfigError(f"plugins: {module!r}; no such module is installed here (the name of a file ends in .py)")
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [(folder, file) for folder in folders for file in sorted(folder.rglob("*.py"))]
    if not files and spec.origin and Path(spec.origin).is_file():
        files = [(Path(spec.origin).parent, Path(spec.origin))]
    digest = hashlib.sha256()
    for folder, file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _load(plugin: Plugin) -> None:
    """Import a plugin unless it is imported already.  Raises ConfigError."""
    other = _LOADED.get(plugin.name)
    if other == plugin:
        return
    if other is not None:
        raise ConfigError(f"plugins: two files are named {plugin.name!r}; rename one of them")
    _LOADED[plugin.name] = plugin
    try:
        if plugin.text is None:
            import_module(plugin.name)
        else:
            _execute(plugin.text, plugin.path, plugin.module)
    except (Exception, SystemExit) as error:
        _unload(plugin)
        line = _line(error, plugin.path)
        raise ConfigError(f"plugins: {plugin.name}{line}: {type(error).__name__}: {_first_line(error)}") from error
    if not any(registry.names_of(plugin.module) for registry in Registry.every):
        _unload(plugin)
        raise ConfigError(
            f'plugins: {plugin.name!r}; registers nothing, a plugin has entries such as @rnnlab.activation("name")'
        )


def _unload(plugin: Plugin) -> None:
    """Remove a plugin and its entries."""
    for registry in Registry.every:
        for name in registry.names_of(plugin.module):
            registry.remove(name)
    if plugin.text is not None:
        sys.modules.pop(plugin.module, None)
    del _LOADED[plugin.name]


def _execute(text: str, path: str, module_name: str) -> None:
    """Run the text as a module of this name.  Tracebacks show its lines also where there is no such file."""
    module = ModuleType(module_name)
    module.__file__ = path
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    sys.modules[module_name] = module
    exec(compile(text, path, "exec"), vars(module))


def arrived(name: str, sha256: str, text: str | None, path: str) -> Plugin:
    """The plugin of another process, imported in this one.  Raises ConfigError, also where the digest is not that of
    what would be imported."""
    plugin = Plugin(name, sha256, text, path)
    try:
        if text is None and _digest(name) != sha256:
            raise ConfigError(f"plugins: {name!r}; is another version than that of the command")
        if text is not None and sha256 not in _digests(text):
            raise ConfigError(f"plugins: {name!r}; its text has changed on its way here")
        _load(plugin)
    except ConfigError as error:
        raise ConfigError(f"{platform.node()}: {error}") from error.__cause__
    return plugin


def _digests(text: str) -> tuple[str, ...]:
    """Of the file that the text is from, without and with a byte order mark."""
    return tuple(hashlib.sha256(text.encode(encoding)).hexdigest() for encoding in ("utf-8", "utf-8-sig"))


def _line(error: BaseException, path: str) -> str:
    """Where in the plugin's file it was raised: ", line 3"; of a module, the file, too."""
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.lineno:
        return f", line {error.lineno}" if error.filename == path else f" ({error.filename}, line {error.lineno})"
    ours = [frame for frame in frames if frame.filename == path]
    if ours:
        return f", line {ours[-1].lineno}"
    here = Path(__file__).parent
    others = [f for f in frames if not f.filename.startswith("<frozen") and here not in Path(f.filename).parents]
    others = [frame for frame in others if Path(frame.filename).parent.name != "importlib"]
    return f" ({others[-1].filename}, line {others[-1].lineno})" if others else ""


def _first_line(error: BaseException) -> str:
    return (error.msg if isinstance(error, SyntaxError) else str(error) or "no message").strip().splitlines()[0]
