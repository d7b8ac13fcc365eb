"""Invocation logging of an account in a region: whether, where, and with how much of the content.

Rules: a configuration counts only if its destinations could be written just now; each bucket gets
Bedrock's empty object, each log group its first line; these stay when logging is turned off.
Sources: botocore `bedrock/2023-04-20/service-2.json`; Amazon Bedrock User Guide, "Monitor model
invocation using CloudWatch Logs and Amazon S3"; public reports (the object, the line, what is said
of a log group). What AWS says of a bucket, or of no destination at all, isn't published (?).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from outcrop.errors import ValidationException
from outcrop.server.accounts.state import LoggingConfig

if TYPE_CHECKING:
    from outcrop.server.accounts.state import Account
    from outcrop.server.operations import Request

Document = dict[str, Any]

NO_DESTINATION: Final = "loggingConfig must have an s3Config or a cloudWatchConfig, or both."
NO_PLACE: Final = (
    "This local Bedrock has no place for logs. Start it with --s3 DIR or --s3 URL for buckets, "
    "with --cloudwatch URL for log groups."
)


def put_model_invocation_logging_configuration(request: Request) -> Document:
    """Nothing; logging is on at once.

    Raises:
        ValidationException: There is no destination, or one can't be written.
    """
    config = msgspec.convert(request.given["loggingConfig"], LoggingConfig)
    if config.s3_config is None and config.cloud_watch_config is None:
        raise ValidationException(NO_DESTINATION)
    if request.logs is None:
        raise ValidationException(NO_PLACE)
    request.logs.check(config, account=request.account, region=request.region, now=request.now)
    _set(request, config)
    return {}


def get_model_invocation_logging_configuration(request: Request) -> Document:
    """The configuration as it was put; nothing where logging is off."""
    if request.logs is not None:
        config = request.logs.configuration(request.account, request.region)
    else:
        config = request.accounts.find(request.account).region(request.region).logging
    if config is None or config == LoggingConfig():
        return {}
    return {"loggingConfig": msgspec.to_builtins(config)}


def delete_model_invocation_logging_configuration(request: Request) -> Document:
    """Nothing; logging is off at once, also where the server was started with `--log-to`."""
    _set(request, LoggingConfig())
    return {}


def _set(request: Request, config: LoggingConfig) -> None:
    def work(account: Account) -> None:
        account.change_region(request.region).logging = config

    request.accounts.change(request.account, work)
