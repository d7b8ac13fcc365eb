"""How Claude is asked and answered on Bedrock: dialects, faults, routes, retries, a call as steps.

Rules: nothing here performs I/O; every decision is made once, for sync and async alike; each
dialect is one file with both halves, what the asker writes and reads, and what the answerer reads
and writes.
"""
