"""The fields of a view: what they hold and how they are read.

Rules: reading a field is one function call, made once a class; whatever isn't of the shape that a
field expects comes out as it came in; a list of views can't be changed, since a change would reach
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.messages.view import View

    Wrap = Callable[[Any], Any]
    Class = Wrap | type[Any]

# Typed as Any, so that a JSON value stays Any for the type checker when it was found to be one.
DICT: Any = dict
LIST: Any = list


class Items(list[Any]):
    """The list of views under a field: a list to read, since a change would reach nothing."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "this list is a read-only view of the reply; change a copy: list(…), or to_dict()"
        )

    if not TYPE_CHECKING:  # for type checkers it is a list like any other
        append = extend = insert = remove = pop = clear = sort = reverse = _refuse
        __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce_ex__(self, _: object) -> tuple[Any, ...]:
        return list, (list(self),)


class Field:
    """How one field of a view is read.

    Attributes:
        wrap: Makes a view of the field's value, or None for a plain value.
        optional: An absent field reads as None.
        lazy: The value is computed when it is first read; see `Snapshot` in `events`.
    """

    __slots__ = ("lazy", "optional", "wrap")

    def __init__(self, *, wrap: Wrap | None, optional: bool, lazy: bool = False) -> None:
        self.wrap = wrap
        self.optional = optional
        self.lazy = lazy

    def read(self, value: Any) -> Any:
        """The value as the field's reader sees it."""
        return value if self.wrap is None else self.wrap(value)


# These three return Any, as `dataclasses.field` does: the field's annotation has the last word.
REQUIRED: Any = ...


def part(wrap: Class, *, default: None = REQUIRED) -> Any:
    """A field that holds one JSON object, read through `wrap` (a view's class or a chooser)."""
    return Field(wrap=_guarded(wrap), optional=default is None)


def parts(wrap: Class, *, default: None = REQUIRED) -> Any:
    """A field that holds a list of JSON objects, each read through `wrap`."""
    guarded = _guarded(wrap)

    def wrap_list(value: Any) -> Any:
        return Items(map(guarded, value)) if isinstance(value, LIST) else value

    return Field(wrap=wrap_list, optional=default is None)


def lazy(wrap: Wrap | None = None) -> Any:
    """A field that isn't computed before it is read."""
    return Field(wrap=wrap, optional=False, lazy=True)


def _guarded(wrap: Class) -> Wrap:
    if not isinstance(wrap, type):
        return wrap
    cls: Any = wrap
    of = cls.of

    def guarded(value: Any) -> Any:
        return of(value) if isinstance(value, DICT) else value

    return guarded


def getter(name: str, field: Field) -> Callable[[View], Any]:
    """The shortest function that reads the field: this is the hot path."""
    wrap = field.wrap
    if field.lazy:

        def get_lazily(self: View) -> Any:
            value = self.whole()[name]
            return wrap(value) if wrap else value

        return get_lazily
    if field.optional:

        def get_optional(self: View) -> Any:
            value = self._document.get(name)  # pyright: ignore[reportPrivateUsage]
            return value if value is None or wrap is None else wrap(value)

        return get_optional

    def get(self: View) -> Any:
        try:
            value = self._document[name]  # pyright: ignore[reportPrivateUsage]
        except KeyError:
            raise AttributeError from None  # continues in __getattr__, which words the error
        return value if wrap is None else wrap(value)

    return get
