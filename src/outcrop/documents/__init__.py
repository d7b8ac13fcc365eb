"""Files become blocks: PDFs, other documents and images, checked before they are sent.

```python
from outcrop import documents

report = documents.pdf("report.pdf")
question = {"type": "text", "text": "What does it say about sales?"}
messages = [{"role": "user", "content": [report, question]}]
```

Rules: a block is a plain dict of the Messages API, and by default one that is right over both
InvokeModel and Converse; what can't be is an error that names the file, what is wrong and the mend.
Limits are rows of `outcrop.bedrock.attachments`, with their sources.

Source: Anthropic's documentation, "PDF support", "Citations", "Vision"; Amazon Bedrock User Guide,
"Using the Converse API"; botocore `bedrock-runtime/2023-09-30/service-2.json`.
"""

from __future__ import annotations

from outcrop.documents.blocks import document, image, pdf, text
from outcrop.documents.checks import check
from outcrop.documents.converse import converse_block, converse_content, safe_name, unique_names
from outcrop.documents.estimates import DocumentEstimate, estimate
from outcrop.documents.files import Source
from outcrop.documents.modes import Api, Mode

__all__ = [
    "Api",
    "DocumentEstimate",
    "Mode",
    "Source",
    "check",
    "converse_block",
    "converse_content",
    "document",
    "estimate",
    "image",
    "pdf",
    "safe_name",
    "text",
    "unique_names",
]
