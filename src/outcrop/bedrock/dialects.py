"""How the replies of a call are read, in each of the dialects that a call may speak.

InvokeModel's is the default of `outcrop.bedrock.call.Call`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from outcrop.bedrock import boto3_shapes, converse_reply
from outcrop.bedrock.call import Dialect
from outcrop.bedrock.converse_stream import EventReader
from outcrop.catalog import ids, models

if TYPE_CHECKING:
    from outcrop.bedrock.call import Response
    from outcrop.bedrock.frames import FrameReader


@lru_cache(maxsize=512)
def converse(model_id: str) -> Dialect:
    """Replies of Converse as messages.

    Args:
        model_id: As called; the message names the model as InvokeModel would, or else by this.
    """
    known = models.find(ids.parse(model_id).base_id)
    model = known.first_party if known else model_id

    def read_reply(response: Response) -> dict[str, Any]:
        request_id = response.headers.get("x-amzn-requestid")
        return converse_reply.read_reply(response.body, model=model, request_id=request_id)

    def open_reader(response: Response) -> FrameReader:
        return EventReader(model=model, request_id=response.headers.get("x-amzn-requestid"))

    return Dialect(read_reply, open_reader)


def _read_shapes(response: Response) -> dict[str, Any]:
    return boto3_shapes.read_reply(response.body)


def _open_shapes(_response: Response) -> FrameReader:
    return boto3_shapes.Boto3Reader()


#: Replies of Converse as boto3 gives them.
BOTO3_SHAPES = Dialect(_read_shapes, _open_shapes)
