"""What is said to Claude and by Claude: requests, replies, stream events, and how they add up.

The names are those of the official SDK. Each module is imported by its own name, and only where it
is needed: `params` and `tools` (what is asked), `views` and `results` (what is answered), `events`
(an answer piece by piece), `assembly` and `disassembly` (pieces ⇄ the whole).
"""
