"""Links of documents, which lead to files of the repository, as links of the site."""

from __future__ import annotations

import posixpath
import re

ROOT_DOCUMENTS = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

_LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def in_site(markdown: str, source: str) -> str:
    """The Markdown of a page with its links to documents as they are in the site; links to code become plain text.

    Parameters
    ----------
    markdown : str
    source : str
        Path of the document in the repository, such as ``docs/plugins.md``. Those of the root are beside those
        of ``docs`` in the site.
    """

    def replaced(found: re.Match[str]) -> str:
        target, anchor = found["target"], found["anchor"] or ""
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if place in ROOT_DOCUMENTS:
            page = place
        elif place.startswith("docs/"):
            page = place.removeprefix("docs/")
        else:
            return found["text"]
        start = posixpath.dirname(source.removeprefix("docs/"))
        if page == "decisions":
            page = "decisions/README.md"
        elif page == "models":
            page = "models/families.md"
        return f"[{found['text']}]({posixpath.relpath(page, start or '.')}{anchor})"

    return _LINK.sub(replaced, markdown)
