"""What MkDocs calls while it builds the site: adds the documents of the repository's root and the generated tables."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.documentation.links import ROOT_DOCUMENTS, in_site
from tools.documentation.paths import ROOT
from tools.documentation.reference import TABLES


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the documents of the root, which stay where a reader of the repository looks for them."""
    for name in ROOT_DOCUMENTS:
        files.append(File.generated(config, name, content=in_site((ROOT / name).read_text(), name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Fill in the generated tables, and have links lead to pages of the site."""
    for mark, table in TABLES.items():
        if mark in markdown:
            markdown = markdown.replace(mark, table())
    if page.file.src_uri in ROOT_DOCUMENTS:
        return markdown
    return in_site(markdown, f"docs/{page.file.src_uri}")
