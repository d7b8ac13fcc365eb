"""Where records lie: which files a place has, of which days, and their bytes.

Rules: a place is a folder, a file, or a bucket by its URL; AWS's layout and Outcrop's own are told
by their paths, and of both only the days that are asked for are looked at; bodies that lie beside
their records are no records; what a compacted file was made of isn't read again.
Source: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3".
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind = Literal["lines", "parquet", "trail"]

#: Days around the ones that are asked for that are looked at, too: records lie by the hour of their
#: delivery, which comes after the call.
_SLACK: Final = timedelta(days=1)
#: How often a request to a bucket is sent again: thousands are read, and one that fails is missing.
RETRIES: Final = 4
_DAY: Final = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})(?:/|$)")
_HOUR: Final = re.compile(r"BedrockModelInvocationLogs/[^/]+/\d{4}/\d{2}/\d{2}/(\d{2})(?:/|$)")
_ONE_HOUR: Final = timedelta(hours=1)
#: Bodies that are too long for their records: below a day, or an hour.
_BESIDE: Final = re.compile(r"\d{4}/\d{2}/\d{2}/(?:\d{2}/)?data(?:/|$)")
_SUFFIXES: Final = (".json.gz", ".jsonl.gz", ".jsonl", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class File:
    """A file of records.

    Attributes:
        place: Where it is, as `open` was told.
        key: Its path below the place.
        size: Bytes.
        kind: What is in it.
        start: Bytes at its beginning that are read already, of plain lines.
    """

    place: str
    key: str
    size: int
    kind: Kind
    start: int = 0

    @property
    def name(self) -> str:
        """The whole path or URL, for people."""
        return f"{self.place.rstrip('/')}/{self.key}" if self.key else self.place


def is_remote(place: str) -> bool:
    """Whether a place is a bucket."""
    return "://" in place


def check(place: str | os.PathLike[str]) -> str:
    """A place as its absolute path, or as its URL.

    Raises:
        ConfigurationError: There is nothing.
    """
    text = str(place)
    if is_remote(text):
        return text
    path = Path(text).expanduser().absolute()
    if not path.exists():
        raise ConfigurationError(
            f"{path} isn't there.",
            mend="Name the folder of AnthropicBedrock(activity=…), or of AWS's deliveries.",
        )
    return str(path)


class _Span(NamedTuple):
    """The days that are asked for, and the first moment."""

    first: date | None
    last: date | None
    since: datetime | None


def list_files(
    place: str, *, first: date | None, last: date | None, since: datetime | None = None
) -> list[File]:
    """The files of a place that may have records of some days, in order of their paths.

    Args:
        place: From `check`.
        first: The first day, None for the oldest.
        last: The last day, None for the newest.
        since: The first moment, for places with a folder an hour, as AWS has them.

    Raises:
        ConfigurationError: The bucket can't be listed.
    """
    span = _Span(first, last, since)
    found = _list_remote(place, span) if is_remote(place) else _list_local(place, span)
    files = [
        File(place, key, size, kind)
        for key, size in found
        if (kind := _kind(key or place)) is not None and _within(key, span)
    ]
    return sorted(files, key=lambda file: file.key)


def _kind(key: str) -> Kind | None:
    name = key.rpartition("/")[2]
    if not name.endswith(_SUFFIXES) or name.startswith(".") or _BESIDE.search(key):
        return None
    if name.endswith(".parquet"):
        return "parquet"
    if "/CloudTrail/" in f"/{key}":
        return "trail"
    return "lines"


def _within(key: str, span: _Span) -> bool:
    """Whether a file, or what is in a folder, may have records of a span."""
    day = day_of(key)
    if day is None:
        return True
    if (span.first and day < span.first - _SLACK) or (span.last and day > span.last + _SLACK):
        return False
    hour = _HOUR.search(key)
    if hour is None or span.since is None or int(hour[1]) > 23:
        return True
    # What is delivered in an hour was called before its end; an hour more is for clocks.
    ends = datetime(day.year, day.month, day.day, int(hour[1]), tzinfo=UTC) + 2 * _ONE_HOUR
    return ends > span.since


def day_of(key: str) -> date | None:
    """The day in a path, None if there is none."""
    match = _DAY.search(key)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _list_local(place: str, span: _Span) -> Iterator[tuple[str, int]]:
    if os.path.isdir(place):  # noqa: PTH112 - there are thousands: pathlib takes ten times as long
        yield from _walk(place, "", span, [os.path.realpath(place)])
    else:
        yield "", Path(place).stat().st_size


def _walk(folder: str, key: str, span: _Span, seen: list[str]) -> Iterator[tuple[str, int]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:  # gone meanwhile
        return
    except OSError as error:  # what can't be seen isn't passed over in silence
        raise ConfigurationError(
            f"{folder} can't be listed: {error.strerror}.",
            mend="Let your user read it, or name another place.",
        ) from error
    for entry in entries:
        inner = f"{key}/{entry.name}" if key else entry.name
        try:
            if entry.is_symlink() and not _is_new(entry.path, seen):
                continue
            if entry.is_dir():
                if not _BESIDE.search(inner) and _within(inner, span):
                    yield from _walk(entry.path, inner, span, seen)
            elif entry.is_file():
                yield inner, entry.stat().st_size
        except OSError:  # gone meanwhile, as a draft that was renamed
            continue


def _is_new(link: str, seen: list[str]) -> bool:
    """Whether a link leads to what lies in none of the folders that are looked at anyway."""
    target = os.path.realpath(link)
    for folder in seen:
        one, other = os.path.join(target, ""), os.path.join(folder, "")  # noqa: PTH118 - with a "/"
        if one.startswith(other) or other.startswith(one):  # below it, or above: that is a loop
            return False
    if os.path.isdir(target):  # noqa: PTH112 - as above
        seen.append(target)
    return True


def _list_remote(place: str, span: _Span) -> Iterator[tuple[str, int]]:
    """The objects of a bucket; where days are folders, only those that are asked for are listed."""
    from outcrop.delivery import stores

    store = open_remote(place)
    prefixes: list[str] = [""]
    while prefixes:
        prefix = prefixes.pop()
        try:
            listed = cast("Any", store).list_with_delimiter(prefix or None)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            raise ConfigurationError(
                f"{place} can't be listed: {stores.reason(error)}",
                mend="Check its name, its region, and that your keys may list it.",
            ) from None  # a store's own text has several pages
        for item in listed["objects"]:
            yield item["path"], item["size"]
        prefixes += [
            inner
            for inner in listed["common_prefixes"]
            if not _BESIDE.search(inner) and _within(inner, span)
        ]


def open_remote(place: str) -> object:
    """The store of a bucket.

    Raises:
        ConfigurationError: It can't be opened.
    """
    from outcrop.delivery import stores

    return stores.open_store(place, retries=RETRIES)


def path_of(file: File) -> Path:
    """Where a file lies that isn't in a bucket."""
    return Path(file.place) / file.key if file.key else Path(file.place)


def once(files: Iterable[File]) -> list[File]:
    """Files without those that lie in several of the places, and so were listed twice."""
    real: dict[str, str] = {}
    found: dict[str, File] = {}
    for file in files:
        if file.place not in real:
            place = file.place if is_remote(file.place) else os.path.realpath(file.place)
            real[file.place] = place.rstrip("/")
        found.setdefault(f"{real[file.place]}/{file.key}".rstrip("/"), file)
    return list(found.values())


def blocks(files: Iterable[File], size: int) -> Iterator[tuple[File, Iterator[bytes]]]:
    """The same as `read`, in blocks, so that a large file isn't in memory whole.

    Args:
        files: The files.
        size: Bytes of a block; an object of a bucket is one.

    Yields:
        A file and its blocks, which raise whatever its store raises.
    """
    for file in files:
        yield file, _local_blocks(file, size) if not is_remote(file.place) else _whole(file)


def _local_blocks(file: File, size: int) -> Iterator[bytes]:
    with path_of(file).open("rb", buffering=0) as opened:
        opened.seek(file.start)
        while block := opened.read(size):
            yield block


def _whole(file: File) -> Iterator[bytes]:
    for _, data in read([file]):
        if isinstance(data, Exception):
            raise data
        yield data


def read(files: Iterable[File]) -> Iterator[tuple[File, bytes | Exception]]:
    """The bytes of files, one after the other; what can't be read comes as its error."""
    remote: dict[str, object] = {}
    for file in files:
        try:
            if is_remote(file.place):
                if file.place not in remote:
                    remote[file.place] = open_remote(file.place)
                store = cast("Any", remote[file.place])
                data = bytes(store.get(file.key).bytes())
            else:
                data = path_of(file).read_bytes()
            yield file, data[file.start :] if file.start else data
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            yield file, error
