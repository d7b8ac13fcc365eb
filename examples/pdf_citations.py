"""A PDF asked about, over InvokeModel or Converse, and the pages that the answer cites.

    python examples/pdf_citations.py [--api invoke|converse] [report.pdf [question]]

Runs against a local Bedrock that lives as long as this script, and reads PDFs with
`pip install 'outcrop[pdf]'`. Against real AWS, leave out the line marked so, and give your own keys
or none. Without a file it asks about one of two pages that it makes itself.
"""

import argparse
from pathlib import Path

from outcrop import AnthropicBedrock, documents
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
PAGES = ["Sales grew by 12 % in the north.", "Costs fell by 3 % in all regions."]


def two_pages() -> bytes:
    """A PDF of two pages, with one line on each."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Count 2 /Kids [4 0 R 6 0 R] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for line in PAGES:
        text = f"BT /F1 18 Tf 72 700 Td ({line}) Tj ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources "
            f"<< /Font << /F1 3 0 R >> >> /Contents {len(objects) + 2} 0 R >>"
        )
        objects.append(f"<< /Length {len(text)} >>\nstream\n{text}\nendstream")
    data = "%PDF-1.4\n"
    places: list[int] = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        f"{data}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    ).encode("latin-1")


parser = argparse.ArgumentParser(description="Asks Claude about a PDF.")
parser.add_argument("--api", choices=["invoke", "converse"], default="invoke")
parser.add_argument("file", nargs="?", type=Path)
parser.add_argument("question", nargs="?", default="How much did costs fall?")
options = parser.parse_args()

# The same block for both: its citations are what makes Claude see the pages over Converse.
source = options.file or two_pages()
report = documents.pdf(source, title="Report")
print(f"about {documents.estimate(source, model=MODEL).tokens:,} tokens")

with local_bedrock() as bedrock:
    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,  # real AWS: leave this line out
        api=options.api,
    )
    message = client.messages.create(
        model=MODEL,
        max_tokens=512,
        messages=[
            {"role": "user", "content": [report, {"type": "text", "text": options.question}]}
        ],
    )
    for block in message.content:
        if block.type != "text":
            continue
        print(block.text, end="")
        for citation in block.citations or []:
            if citation.type == "page_location":
                print(
                    f" [page {citation.start_page_number}: {citation.cited_text.strip()!r}]", end=""
                )
    print(f"\n{message.usage.input_tokens:,} input tokens")
    client.close()
