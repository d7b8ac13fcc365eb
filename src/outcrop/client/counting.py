"""`messages.count_tokens`: which counter is asked, how, and what a refusal of it means.

Rules: a request is counted as it would be sent, so the keyword arguments of `create` are taken as
they are; who counts for a model is decided below (`outcrop.bedrock.count.count_route`), never here;
nothing is counted in another region than the client's: prompts stay where the user put them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from outcrop.bedrock import count, messages_count, routes
from outcrop.bedrock.call import INVOKE, Call, Dialect, complete
from outcrop.catalog import models
from outcrop.client.request import (
    address,
    ask_headers,
    check_api,
    gather,
    merge,
    query_string,
    timeout,
)
from outcrop.errors import NotFoundError
from outcrop.messages.views import MessageTokensCount
from outcrop.net.perform import perform, perform_async
from outcrop.wire.http import Request

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from outcrop.bedrock.call import Completed, Response
    from outcrop.bedrock.count import Counter
    from outcrop.client.request import Settings
    from outcrop.net.dial import AsyncDialer, SyncDialer


def _read_count(response: Response) -> dict[str, Any]:
    return {"input_tokens": count.read_reply(response.body)}


def _read_messages_count(response: Response) -> dict[str, Any]:
    return messages_count.read_reply(response.body)


_COUNT_TOKENS = Dialect(_read_count, INVOKE.open_reader)
_MESSAGES_ROUTE = Dialect(_read_messages_count, INVOKE.open_reader)


def prepare(settings: Settings, params: Mapping[str, Any], *, beta: bool) -> tuple[Call, Counter]:
    """The call that asks what a request costs, and who is asked.

    Raises:
        TypeError: For an unknown or missing keyword.
        RequestError: For a value that can't be sent, or a model that can't be counted for.
    """
    document, options = gather(
        params, beta=beta, method="count_tokens", needed=("model", "messages")
    )
    model_id: str = document["model"]
    document.update(options.get("extra_body") or {})
    counter = count.count_route(model_id)
    api = check_api(options["api"]) if "api" in options else settings.api
    origin, prefix = address(settings)
    if counter.messages_route:
        if settings.endpoint is None:
            origin = routes.messages_origin(settings.region.name)
        version = settings.api_version or routes.api_version(counter.model_id)
        own, body = messages_count.write_ask(
            document, model_id=counter.model_id, api_version=version
        )
        headers = dict(own)
        merge(headers, settings.headers)
        target = messages_count.TARGET
        dialect, service = _MESSAGES_ROUTE, messages_count.SERVICE
    else:
        headers = ask_headers(settings, api="invoke", stream=False)
        body = count.write_ask(document, api=api)
        target = routes.count_target(counter.model_id)
        dialect, service = _COUNT_TOKENS, "bedrock"
    merge(headers, options.get("extra_headers") or {})
    target += query_string(options)
    call = Call(
        Request("POST", origin, prefix + target, list(headers.items()), body),
        routes.route(counter.model_id, settings.region.name, origin),
        settings.policy,
        timeout(options["timeout"]) if "timeout" in options else settings.timeout,
        dialect,
        service,
    )
    return call, counter


@contextmanager
def _mending(counter: Counter, region: str) -> Generator[None]:
    """Says where a model is counted for, or what else helps, when it isn't here."""
    try:
        yield
    except NotFoundError as error:
        if not error.mend and counter.messages_route and region not in counter.regions:
            error.mend = "outcrop.estimate_tokens estimates, without asking anybody."
            if counter.regions:
                error.mend = (
                    f"The Messages route is known to have {counter.model_id} in "
                    f"{', '.join(counter.regions)} ({models.as_of()}): ask there, with "
                    f"client.with_options(aws_region={counter.regions[-1]!r}), or estimate, with "
                    "outcrop.estimate_tokens."
                )
        raise


def count_tokens(
    settings: Settings, dialer: SyncDialer, params: Mapping[str, Any], *, beta: bool
) -> MessageTokensCount:
    """See `Messages.count_tokens`."""
    call, counter = prepare(settings, params, beta=beta)
    with _mending(counter, settings.region.name):
        done = perform(complete(call), dialer, settings.source)
    return _counted(call, done)


async def count_tokens_async(
    settings: Settings, dialer: AsyncDialer, params: Mapping[str, Any], *, beta: bool
) -> MessageTokensCount:
    """See `AsyncMessages.count_tokens`."""
    call, counter = prepare(settings, params, beta=beta)
    with _mending(counter, settings.region.name):
        done = await perform_async(complete(call), dialer, settings.source)
    return _counted(call, done)


def _counted(call: Call, done: Completed) -> MessageTokensCount:
    headers = done.response.headers
    request_id = headers.get("x-amzn-requestid") or headers.get("request-id")
    return MessageTokensCount.received(done.document, request_id=request_id, route=call.route)
