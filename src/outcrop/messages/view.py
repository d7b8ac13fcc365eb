"""A view: a decoded JSON object with attributes, read-only and without a copy.

Rules: the document is the truth and a view adds nothing to it, so a field that no class knows stays
reachable, printable and in `to_dict()`; wrapping costs the same for a small and a large document;
nothing is validated, so a value of an unexpected shape comes out as it came in.

A subclass is a list of annotations. A field that may be absent says `= None`; a field that holds an
object or a list of objects says which view they get, by `part` or `parts`::

    class Message(View):
        content: list[ContentBlock] = parts(content_block)
        stop_reason: StopReason | None = None
        usage: Usage = part(Usage)

The methods that dump are named after those of the official SDK (anthropic 2.12.0, `BaseModel`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, TypeVar, dataclass_transform

from msgspec import Struct

from outcrop.messages.fields import (
    DICT,
    LIST,
    REQUIRED,
    Field,
    Items,
    getter,
    lazy,
    part,
    parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Set as AbstractSet
    from typing import Self

    from outcrop.messages.fields import Wrap

ViewT = TypeVar("ViewT", bound="View")


class ViewType(type):
    """Makes a property of each annotation of a view's class, and gives its objects no `__dict__`.

    Attributes:
        fields_: The fields that the class knows, by name.
    """

    fields_: dict[str, Field]

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> ViewType:  # noqa: D102 - see the class
        namespace.setdefault("__slots__", ())
        made = super().__new__(cls, name, bases, namespace)
        made.fields_ = {}
        for parent in reversed(made.__mro__[1:]):
            if isinstance(parent, ViewType):
                made.fields_ |= parent.fields_
        for attribute, annotation in get_annotations(made).items():
            if attribute.startswith("_") or str(annotation).startswith("ClassVar"):
                continue
            given = namespace.get(attribute, REQUIRED)
            field = given if isinstance(given, Field) else Field(wrap=None, optional=given is None)
            made.fields_[attribute] = field
            setattr(made, attribute, property(getter(attribute, field)))
        return made


@dataclass_transform(
    eq_default=False,
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(part, parts, lazy),
)
class View(metaclass=ViewType):
    """A JSON object of a reply, read-only: `view.field`, or `view["field"]` for any name.

    `View.of(document)` wraps a decoded object; `TextBlock(type="text", text="Hello")` makes one.
    Two views are equal if their documents are. A view isn't a dict: `to_dict()` gives one.
    """

    __slots__ = ("_aside", "_document")
    __hash__: ClassVar[None]  # pyright: ignore[reportIncompatibleMethodOverride] - set below

    # `_document` is the decoded object itself. `_aside` is what a subclass keeps beside it, and
    # is often not set at all.
    _document: dict[str, Any]
    _aside: Any

    def __init__(self, **fields: Any) -> None:
        missing = [
            name
            for name, field in type(self).fields_.items()
            if name not in fields and not (field.optional or field.lazy)
        ]
        if missing:
            raise TypeError(f"{type(self).__name__} needs {', '.join(f'{m}=…' for m in missing)}")
        _set_document(self, {name: plain(value) for name, value in fields.items()})

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """A view over a decoded JSON object, which it keeps and doesn't copy."""
        view = _new(cls)
        _set_document(view, document)
        return view

    @classmethod
    def model_validate(cls, obj: Mapping[str, Any] | View) -> Self:
        """A view over a copy of a document, for instance one that was saved. Nothing is checked."""
        return cls.of(plain(obj))

    def whole(self) -> dict[str, Any]:
        """The decoded JSON object under the view: itself, not a copy, to be read only."""
        return self._document  # subclasses with lazy fields compute them here

    # Reading ─────────────────────────────────────────────────────────────────────────────────────

    if not TYPE_CHECKING:  # type checkers shall report a misspelt field

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):  # an empty slot, or a protocol that views don't follow
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            try:
                return self._document[name]
            except KeyError:
                has = ", ".join(self._document) or "no fields"
                raise AttributeError(
                    f"{type(self).__name__} has no field {name!r} (its document has {has})",
                    name=name,
                    obj=self,
                ) from None

    def __getitem__(self, name: str) -> Any:
        document = self.whole()
        value = document[name]
        field = type(self).fields_.get(name)
        return value if field is None else field.read(value)

    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or the default where the document has no such field."""
        return self[name] if name in self.whole() else default

    def __contains__(self, name: object) -> bool:
        return name in self.whole()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        # Name and value pairs, as pydantic's models give, so that `dict(view)` works.
        return ((name, self[name]) for name in self.whole())

    def __eq__(self, other: object) -> bool:
        return self.whole() == other.whole() if isinstance(other, View) else NotImplemented

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self if name.isidentifier()]
        rest = {name: value for name, value in self if not name.isidentifier()}
        return f"{type(self).__name__}({', '.join([*shown, f'**{rest!r}'] if rest else shown)})"

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._document})

    # Writing ─────────────────────────────────────────────────────────────────────────────────────

    if not TYPE_CHECKING:  # type checkers report a write to a frozen field by themselves

        def __setattr__(self, name: str, value: object) -> NoReturn:
            raise AttributeError(_read_only(self, f".{name} can't be set"), name=name, obj=self)

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(_read_only(self, f".{name} can't be deleted"), name=name, obj=self)

        def __setitem__(self, name: str, value: object) -> NoReturn:
            raise TypeError(_read_only(self, f"[{name!r}] can't be set"))

        def __delitem__(self, name: str) -> NoReturn:
            raise TypeError(_read_only(self, f"[{name!r}] can't be deleted"))

    # Copies and dumps ────────────────────────────────────────────────────────────────────────────

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.whole(), getattr(self, "_aside", None))

    def to_dict(
        self,
        *,
        mode: Literal["json", "python"] = "python",
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> dict[str, Any]:
        """The document as plain dicts and lists, a copy that may be changed.

        Args:
            mode: Without effect: the document is JSON either way.
            use_api_names: Without effect: fields have no other names.
            exclude_unset: False adds None for known fields that the reply doesn't have.
            exclude_defaults: Leave out optional fields that are None.
            exclude_none: Leave out all fields that are None (in tool input they stay).
            warnings: Without effect: there are none.
        """
        del mode, use_api_names, warnings
        dump = _Dump(
            fill=not exclude_unset, exclude_defaults=exclude_defaults, exclude_none=exclude_none
        )
        return dump.of(self)

    def to_json(
        self,
        *,
        indent: int | None = 2,
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> str:
        """The document as JSON text; arguments as for `to_dict`, `indent=None` for one line."""
        document = self.to_dict(
            use_api_names=use_api_names,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
            warnings=warnings,
        )
        return _json(document, indent=indent)

    def model_dump(
        self,
        *,
        include: AbstractSet[str] | None = None,
        exclude: AbstractSet[str] | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        **official: object,
    ) -> dict[str, Any]:
        """As `to_dict`, with pydantic's arguments and defaults: known but absent fields are None.

        Args:
            include: Names of the view's own fields to keep; None keeps all.
            exclude: Names of the view's own fields to leave out.
            exclude_unset: True leaves the document as it came.
            exclude_defaults: Leave out optional fields that are None.
            exclude_none: Leave out all fields that are None (in tool input they stay).
            official: pydantic's other arguments (`mode`, `by_alias`, `warnings`, …): no effect.
        """
        del official
        document = self.to_dict(
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
        )
        return {
            name: value
            for name, value in document.items()
            if (include is None or name in include) and (exclude is None or name not in exclude)
        }

    def model_dump_json(
        self, *, indent: int | None = None, ensure_ascii: bool = False, **official: Any
    ) -> str:
        """`model_dump` as JSON text, on one line unless `indent` is given."""
        return _json(self.model_dump(**official), indent=indent, ensure_ascii=ensure_ascii)


View.__hash__ = None  # pyright: ignore[reportAttributeAccessIssue] - equal by document: no hash

# The doors past `__init__` and `__setattr__`.
_new = object.__new__
_set_document: Callable[[View, dict[str, Any]], None] = View.__dict__["_document"].__set__
_set_aside: Callable[[View, object], None] = View.__dict__["_aside"].__set__


def view_of(cls: type[ViewT], document: dict[str, Any], aside: object) -> ViewT:
    """A view with something beside its document, which shows up in no dump."""
    view = _new(cls)
    _set_document(view, document)
    _set_aside(view, aside)
    return view


_revive = view_of  # the name in pickles


def chooser(classes: Mapping[str, type[View]], unknown: type[View]) -> Wrap:
    """A function that wraps an object in the class of its `type` field, by one look-up."""
    find = classes.get

    def choose(document: Any) -> Any:
        if not isinstance(document, DICT):
            return document
        try:
            cls = find(document.get("type"), unknown)
        except TypeError:  # a type that isn't even hashable
            cls = unknown
        view = _new(cls)
        _set_document(view, document)
        return view

    return choose


#: Classes of most values, of which there's nothing to copy.
_SCALARS = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """A deep copy made of dicts, lists and scalars only, views and tuples included."""
    if value.__class__ in _SCALARS:
        return value
    if isinstance(value, View):
        value = value.whole()
    if isinstance(value, DICT):
        return {
            name: item if item.__class__ in _SCALARS else plain(item)
            for name, item in value.items()
        }
    if isinstance(value, (LIST, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):  # given to a class by keyword
        return value.isoformat()
    return value


def json_default(value: object) -> Any:
    """What a JSON encoder shall write for a value that JSON doesn't have: its `default` argument.

    Views become their documents, and iterables such as generators become lists: requests may hold
    both (`params`).

    Raises:
        TypeError: The value is of another type.
    """
    if isinstance(value, View):
        return value.whole()
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray)):
        return list(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def _json(document: dict[str, Any], *, indent: int | None, ensure_ascii: bool = False) -> str:
    return json.dumps(
        document,
        indent=indent,
        ensure_ascii=ensure_ascii,
        separators=(",", ":") if indent is None else None,
    )


def _read_only(view: View, what: str) -> str:
    return f"{type(view).__name__}{what}: a reply is read-only; change a copy: .to_dict()"


class _Dump(Struct, frozen=True):
    """A copy of a document with or without what pydantic calls unset, defaults and None."""

    fill: bool
    exclude_defaults: bool
    exclude_none: bool

    def of(self, view: View) -> dict[str, Any]:
        document = view.whole()
        fields = type(view).fields_
        dumped: dict[str, Any] = {}
        for name, value in document.items():
            field = fields.get(name)
            default = value is None and field is not None and field.optional
            if (self.exclude_none and value is None) or (self.exclude_defaults and default):
                continue
            dumped[name] = self.item(value, value if field is None else field.read(value))
        if self.fill and not self.exclude_none and not self.exclude_defaults:
            for name, field in fields.items():
                if field.optional:
                    dumped.setdefault(name, None)
        return dumped

    def item(self, value: Any, read: Any) -> Any:
        """The dump of a value, which its field may read as a view or as a list of them."""
        if isinstance(read, View):
            return self.of(read)
        if isinstance(read, Items):
            return [self.item(*pair) for pair in zip(value, read, strict=True)]
        return plain(value)
