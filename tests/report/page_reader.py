"""Reads a report page as a browser's parser would, and notes what a strict reader objects to."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"br", "meta", "link", "img", "input", "hr"})


@dataclass
class Element:
    tag: str
    attrs: dict[str, str | None]
    parent: Element | None
    content: list[Element | str] = field(default_factory=list)

    @property
    def children(self) -> list[Element]:
        return [one for one in self.content if isinstance(one, Element)]

    @property
    def text(self) -> str:
        """What stands directly in it."""
        return "".join(one for one in self.content if isinstance(one, str))

    def all(self, *tags: str) -> list[Element]:
        found = [self] if self.tag in tags else []
        for child in self.children:
            found += child.all(*tags)
        return found

    def all_text(self) -> str:
        return "".join(one if isinstance(one, str) else one.all_text() for one in self.content)

    def plain(self) -> str:
        """All text with white space made single spaces."""
        return " ".join(self.all_text().split())


class Page(HTMLParser):
    """`root` is the tree; `faults` are tags closed in the wrong order or never."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.faults: list[str] = []
        self._open = self.root
        self.feed(html)
        self.close()
        if self._open is not self.root:
            self.faults.append(f"<{self._open.tag}> is never closed")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = self._add(tag, attrs)
        if tag not in VOID:
            self._open = made

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag != self._open.tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes <{self._open.tag}>")
            return
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        self._open.content.append(data)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> at {self.getpos()} has an attribute twice")
        made = Element(tag, dict(attrs), self._open)
        self._open.content.append(made)
        return made


def section(html: str, name: str) -> Element:
    return next(one for one in Page(html).root.all("section") if one.attrs.get("id") == name)


def rows(element: Element) -> list[list[str]]:
    """The cells of every body row, with white space made plain."""
    return [
        [cell.plain() for cell in row.children if cell.tag in {"td", "th"}]
        for body in element.all("tbody")
        for row in body.all("tr")
    ]
