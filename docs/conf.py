"""Sphinx configuration."""

from importlib.metadata import version as installed

project = "Outcrop"
author = "The Outcrop developers"
copyright = "2026, the Outcrop developers"
release = version = installed("outcrop")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Outcrop"
myst_enable_extensions = ["colon_fence", "deflist"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
