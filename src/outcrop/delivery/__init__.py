"""How records of invocations get to where they lie: a folder, an S3 bucket, CloudWatch Logs.

Rules: whoever hands a record in never waits; queues are bounded, and what is lost is counted and
told; what lies there already is never changed.
Source: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3".
"""
