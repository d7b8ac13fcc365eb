"""The client: signatures and docstrings over `outcrop.bedrock`, and streams to iterate.

Rules: sync and async say the same, held by a parity test; nothing is decided here that a call's
steps decide already; a Messages request stays the plain dict that the user wrote.
"""
