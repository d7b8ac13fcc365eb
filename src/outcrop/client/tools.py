"""Functions as tools: what Claude is told of them, and how its calls become calls of theirs.

Rules: annotations are the schema and the docstring is the description; a call is checked before the
function runs; Claude can call nothing that isn't in the toolbox.

Sources: Anthropic, "Tool use" (definitions, `tool_result`, `is_error`); the names are those of
anthropic 2.12.0 (`beta_tool`, `ToolError`, `tool_runner`) where it has them.
"""

from __future__ import annotations

import inspect
import re
from functools import cached_property, partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast, get_args, overload

import msgspec

from outcrop.bedrock.output_schema import restrict
from outcrop.client import annotations
from outcrop.errors import ConfigurationError, RequestError, ToolError
from outcrop.messages.view import View, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from outcrop.messages.tools import CacheControlEphemeralParam, ToolParam

P = ParamSpec("P")
R = TypeVar("R")

Document = dict[str, Any]

#: botocore, `ToolName`; the Messages API allows 128.
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Tool(Generic[P, R]):
    """A function that Claude may call; called by you, it is the function.

    Attributes:
        name: What Claude calls it.
        function: The function.
        is_async: Whether it is a coroutine function.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        input_schema: Mapping[str, Any] | None = None,
        strict: bool | None = None,
        definition: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """A tool; see `tool` for the arguments.

        Raises:
            ConfigurationError: It isn't a function, or has no name that a tool can have.
        """
        if not callable(function):
            raise ConfigurationError(
                f"tools: a {type(function).__name__} is neither a function nor a definition.",
                mend="Give functions, outcrop.tool(…) or dicts.",
            )
        self.function = function
        self._given: dict[str, Any] = {
            "name": name,
            "description": description,
            "input_schema": input_schema,
            "strict": strict,
            "definition": definition,
            **options,
        }
        self._options = options
        own = definition.get("name") if definition else None
        self.name: str = name or own or getattr(function, "__name__", type(function).__name__)
        if not isinstance(cast("object", self.name), str) or not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"The tool {self.name!r} has no name that a tool can have.",
                mend="Give name=…: up to 64 letters, digits, _ and -.",
            )
        code: Any = function if inspect.isroutine(function) else getattr(function, "func", function)
        self.is_async = inspect.iscoroutinefunction(code) or inspect.iscoroutinefunction(
            getattr(code, "__call__", None)  # noqa: B004 - the method itself is looked at
        )
        update_wrapper(cast("Any", self), cast("Any", function))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function gives."""
        return self.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Tool[..., R]:
        """A method that is a tool, bound to its object."""
        if instance is None:
            return cast("Tool[..., R]", self)
        bound: Callable[..., R] = cast("Any", self.function).__get__(instance, owner)
        return Tool(bound, **self._given)

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"

    # What Claude is told ─────────────────────────────────────────────────────────────────────────

    @cached_property
    def definition(self) -> Document:
        """What stands for it in `tools` of a request.

        Raises:
            ConfigurationError: An argument's type has no JSON Schema.
        """
        given = self._given
        if given["definition"] is not None:
            return plain(given["definition"])
        made: Document = {"name": self.name, "input_schema": self.input_schema}
        if said := given["description"] or self._about:
            made["description"] = said
        if given["strict"] is not None:
            made["strict"] = given["strict"]
        return {**made, **self._options}

    def to_dict(self) -> ToolParam:
        """The definition, under the official name; a copy."""
        return cast("ToolParam", plain(self.definition))

    @cached_property
    def input_schema(self) -> Document:
        """The JSON Schema of its arguments."""
        if self._given["input_schema"] is not None:
            return plain(self._given["input_schema"])
        schema = annotations.describe(self._shape, what=f"The tool {self.name!r}")
        schema.pop("title", None)
        properties: Document = schema["properties"]
        for name, parameter in self._parameters.items():
            said = _note(parameter.annotation) or self._told.get(name)
            if said and "description" not in properties[name]:
                # Beside a $ref, which drafts before 2019-09 would read alone, it still tells.
                properties[name] = {**properties[name], "description": said}
            default = parameter.default
            if default is not inspect.Parameter.empty and isinstance(default, str | int | None):
                properties[name].setdefault("default", default)
        if not self._given["strict"]:
            return schema
        try:
            return restrict(schema)
        except RequestError as error:
            raise ConfigurationError(
                f"The tool {self.name!r} can't be strict: {error.message}", mend=error.mend
            ) from error

    @cached_property
    def _docstring(self) -> Any:
        import docstring_parser

        return docstring_parser.parse(inspect.getdoc(self.function) or "")

    @property
    def _about(self) -> str:
        parsed = self._docstring
        return "\n\n".join(filter(None, [parsed.short_description, parsed.long_description]))

    @cached_property
    def _told(self) -> dict[str, str]:
        """What the docstring says of each argument."""
        return {
            part.arg_name: " ".join(part.description.split())
            for part in self._docstring.params
            if part.description
        }

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        where = f"The tool {self.name!r}"
        try:
            signature = inspect.signature(self.function, eval_str=True)
        except (NameError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"{where} has a signature that can't be read: {error}.",
                mend="Name types that its module knows, or give input_schema=….",
            ) from error
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise ConfigurationError(
                    f"{where} takes any arguments (*{parameter.name}), which Claude can't know.",
                    mend="Name them, or give input_schema=….",
                )
        return dict(signature.parameters)

    @cached_property
    def _shape(self) -> type[msgspec.Struct]:
        """The arguments as a type; those that may be left out are unset then."""
        fields: list[Any] = []
        for name, parameter in self._parameters.items():
            kind: Any = parameter.annotation
            kind = Any if kind is parameter.empty else kind
            if parameter.default is parameter.empty:
                fields.append((name, kind))
            else:
                fields.append(
                    (name, kind | msgspec.UnsetType if kind is not Any else Any, msgspec.UNSET)
                )
        try:
            return msgspec.defstruct(self.name, fields, kw_only=True, forbid_unknown_fields=True)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"The tool {self.name!r} has arguments that can't be described: {error}.",
                mend="Rename them, or give input_schema=….",
            ) from error

    # What Claude calls ───────────────────────────────────────────────────────────────────────────

    def read(self, given: object) -> tuple[list[Any], Document]:
        """A call's input as positional and named arguments.

        Raises:
            msgspec.ValidationError: They aren't of the types that the function takes.
        """
        if self._given["input_schema"] is not None:
            return [], dict(annotations.read(given, dict[str, Any]))
        values = annotations.read(given, self._shape)
        args: list[Any] = []
        kwargs: Document = {}
        for name, parameter in self._parameters.items():
            value = getattr(values, name)
            if value is msgspec.UNSET:
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(value)
            else:
                kwargs[name] = value
        return args, kwargs

    def call(self, input: object) -> Any:  # noqa: A002 - the official name
        """What the function gives for a call's input: for a coroutine function, a coroutine.

        Raises:
            ToolError: The input isn't what the function takes.
        """
        try:
            args, kwargs = self.read(input)
        except msgspec.ValidationError as error:
            raise ToolError(f"Invalid input for {self.name}: {error}") from error
        return cast("Any", self.function)(*args, **kwargs)


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    input_schema: Mapping[str, Any] | None = None,
    strict: bool | None = None,
    definition: Mapping[str, Any] | None = None,
    cache_control: CacheControlEphemeralParam | None = None,
    **options: Any,
) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    input_schema: Mapping[str, Any] | None = None,
    strict: bool | None = None,
    definition: Mapping[str, Any] | None = None,
    cache_control: CacheControlEphemeralParam | None = None,
    **options: Any,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(function: Any = None, /, **options: Any) -> Any:
    """A function as a tool: `@outcrop.tool`, `@outcrop.tool(strict=True)`, or `tool(function)`.

    Args:
        function: The function; its annotations are the schema of the input.
        options: Any of:

            - `name`: What Claude calls it; else the function's name.
            - `description`: Else the docstring's, without its arguments.
            - `input_schema`: Else made of the annotations. With it, the function gets the input's
              fields as they are.
            - `strict`: Whether Claude's calls are held to the schema as they are sampled; what it
              can't be held to moves into descriptions.
            - `definition`: The whole definition instead of all that, for tools that Anthropic
              defines and you run: `{"type": "bash_20250124", "name": "bash"}`.
            - other fields of a definition: `cache_control`, `input_examples`, `defer_loading`, ….
    """
    given = {key: value for key, value in options.items() if value is not None}
    if function is None:
        return partial(Tool, **given)
    return Tool(function, **given)


class Toolbox:
    """The tools of a run: what is sent of them, and which function a call is for.

    Args:
        tools: Tools, functions, and definitions that no function stands for.

    Raises:
        ConfigurationError: Two have one name, or one can't be a tool.
    """

    def __init__(self, tools: Iterable[Any]) -> None:
        self.definitions: list[Document] = []
        self._by_name: dict[str, Tool[..., Any]] = {}
        names: set[str] = set()
        for each in tools:
            if isinstance(each, dict | View):
                definition: Document = plain(each)
            else:
                found: Tool[..., Any] = (
                    cast("Tool[..., Any]", each) if isinstance(each, Tool) else Tool(each)
                )
                definition = found.definition
                self._by_name[found.name] = found
            name = definition.get("name")
            if isinstance(name, str) and name in names:
                raise ConfigurationError(
                    f"Two tools are called {name!r}.", mend="Give one of them another name=…."
                )
            names.add(str(name))
            self.definitions.append(definition)

    def __iter__(self) -> Any:
        return iter(self._by_name.values())

    def find(self, name: str) -> Tool[..., Any]:
        """The tool of that name.

        Raises:
            ToolError: There's none; it says which there are.
        """
        if found := self._by_name.get(name):
            return found
        known = ", ".join(sorted(self._by_name)) or "none"
        raise ToolError(f"No tool is called {name!r} here. Tools that can be called: {known}.")


def _note(annotation: object) -> str | None:
    """A text beside a type: `Annotated[str, "The city's name"]`."""
    notes = getattr(annotation, "__metadata__", ())
    return (
        next((note for note in notes if isinstance(note, str)), None)
        if get_args(annotation)
        else None
    )
