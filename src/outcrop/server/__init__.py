"""The local Bedrock: an endpoint that official clients can't tell from the real one."""
