"""Accounts in a folder, a JSON file each: they survive the server that made them.

Rules: a file is replaced by another, so that whoever reads it has the old or the new, always whole;
only its owner can read it (0600): it may hold what was filled into a form; a file that can't be
read back stops the server from starting, and is left as it is. A folder belongs to one server at a
time: the last one that writes wins.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from outcrop.errors import ConfigurationError
from outcrop.server.accounts.state import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The largest file that is read. A thousand profiles, all with the most and the longest tags, have
#: about 20 MB.
LARGEST: Final = 64 * 1024 * 1024
#: The most files that are read.
MOST: Final = 1000

_NAME: Final = re.compile(r"(\d{12})\.json")


class Folder:
    """A folder with accounts.

    Args:
        path: It is made if it doesn't exist.

    Raises:
        ConfigurationError: It can't be a folder to write in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unusable(path, error) from error
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise _unusable(path, PermissionError(13, "Permission denied"))

    def load(self) -> dict[str, Account]:
        """Number → account.

        Raises:
            ConfigurationError: A file isn't one that was kept here.
        """
        return {path.stem: _read(path) for path in self._files()}

    def _files(self) -> Iterator[Path]:
        found = sorted(path for path in self._path.iterdir() if _NAME.fullmatch(path.name))
        if len(found) > MOST:
            raise ConfigurationError(
                f"state={str(self._path)!r} has {len(found)} accounts; {MOST} are the most.",
                mend="Name another folder.",
            )
        yield from found

    def save(self, number: str, account: Account) -> None:
        """Keeps an account.

        Raises:
            OSError: The folder has no room, or isn't there any more.
        """
        data = msgspec.json.format(msgspec.json.encode(account), indent=1)
        # 0600, by the system's own promise for such files
        handle, name = tempfile.mkstemp(prefix=f".{number}.", suffix=".tmp", dir=self._path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(self._path / f"{number}.json")
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _read(path: Path) -> Account:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ConfigurationError(f"{path} has more than {LARGEST} bytes.", mend=_MEND)
        return msgspec.json.decode(data, type=Account)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}.", mend=_MEND) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # What can't be is told without the value: a form may be in there.
        raise ConfigurationError(
            f"{path} isn't the state of an account: {error}.", mend=_MEND
        ) from None


_MEND: Final = "Remove it to begin anew, or name another folder with --state."


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"state={str(path)!r} can't be used: {error.strerror}.",
        mend="Name a folder that can be written, or one to be made.",
    )
