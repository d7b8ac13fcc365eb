"""What an account has on the local Bedrock, and the operations of the control plane that change it.

Rules: an account's state is replaced as a whole, never changed in place, so that whoever reads it
needs no lock; each operation takes a `Request` and gives the reply's document; the time comes with
the request.
Source: botocore `bedrock/2023-04-20/service-2.json`.
"""
