"""Bytes ⇄ values, both directions in each file; nothing here performs I/O."""
