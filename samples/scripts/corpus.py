"""Public-domain English text: the King James Bible and founding documents of the United States.

Both come from Debian packages: `bible-kjv` with `bible-kjv-text` (the `bible` command prints the text) and `miscfiles`
(/usr/share/state). The corpus is a list of documents, one for each chapter or article. A document is either held out or
trained on, never both, so the held-out passages are contiguous chapters that the model has not seen.
"""

from __future__ import annotations

import gzip
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

STATE_DIRECTORY = Path("/usr/share/state")

# Abbreviation printed by `bible -f` -> the heading used in the corpus.
BOOKS = {
    "Ge": "Genesis", "Exo": "Exodus", "Lev": "Leviticus", "Num": "Numbers", "Deu": "Deuteronomy", "Josh": "Joshua",
    "Jdgs": "Judges", "Ruth": "Ruth", "1Sm": "1 Samuel", "2Sm": "2 Samuel", "1Ki": "1 Kings", "2Ki": "2 Kings",
    "1Chr": "1 Chronicles", "2Chr": "2 Chronicles", "Ezra": "Ezra", "Neh": "Nehemiah", "Est": "Esther", "Job": "Job",
    "Psa": "Psalm", "Prv": "Proverbs", "Eccl": "Ecclesiastes", "SSol": "Song of Solomon", "Isa": "Isaiah",
    "Jer": "Jeremiah", "Lam": "Lamentations", "Eze": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea", "Joel": "Joel",
    "Amos": "Amos", "Obad": "Obadiah", "Jonah": "Jonah", "Mic": "Micah", "Nahum": "Nahum", "Hab": "Habakkuk",
    "Zep": "Zephaniah", "Hag": "Haggai", "Zec": "Zechariah", "Mal": "Malachi", "Mat": "Matthew", "Mark": "Mark",
    "Luke": "Luke", "John": "John", "Acts": "Acts", "Rom": "Romans", "1Cor": "1 Corinthians",
    "2Cor": "2 Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phi": "Philippians", "Col": "Colossians",
    "1Th": "1 Thessalonians", "2Th": "2 Thessalonians", "1Tim": "1 Timothy", "2Tim": "2 Timothy", "Titus": "Titus",
    "Phmn": "Philemon", "Heb": "Hebrews", "Jas": "James", "1Pet": "1 Peter", "2Pet": "2 Peter", "1Jn": "1 John",
    "2Jn": "2 John", "3Jn": "3 John", "Jude": "Jude", "Rev": "Revelation",
}

# Book and first..last chapter of each held-out passage; the Constitution's Article II is held out as well.
HELD_OUT_CHAPTERS = [
    ("Genesis", 41, 44), ("1 Samuel", 17, 19), ("Psalm", 102, 106), ("Proverbs", 14, 16), ("Isaiah", 40, 42),
    ("Luke", 10, 12), ("Romans", 6, 8),
]
HELD_OUT_ARTICLES = {"Article II"}

VERSE = re.compile(r"^(\d?[A-Z][A-Za-z]*)(\d+):(\d+) (.*)$")


@dataclass(frozen=True)
class Document:
    """One chapter or article; `text` starts with its heading and ends with a newline."""

    title: str
    text: str
    held_out: bool


def bible_documents() -> list[Document]:
    """One document a chapter, one line a verse, verse numbers dropped."""
    command = ["bible", "-l1000000", "-f", "gen1:1-rev22:21"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    held_out = {(book, chapter) for book, first, last in HELD_OUT_CHAPTERS for chapter in range(first, last + 1)}
    chapters: dict[tuple[str, int], list[str]] = {}
    for line in output.splitlines():
        match = VERSE.match(line)
        if match is None:
            raise ValueError(f"not a verse: {line!r}")
        chapters.setdefault((BOOKS[match[1]], int(match[2])), []).append(match[4].strip())
    return [
        Document(f"{book} {chapter}", f"{book} {chapter}\n" + "\n".join(verses) + "\n", (book, chapter) in held_out)
        for (book, chapter), verses in chapters.items()
    ]


def _paragraphs(text: str) -> list[str]:
    """Undo the fixed-width line breaks: a paragraph is one line, runs of spaces are one space."""
    return [" ".join(block.split()) for block in re.split(r"\n\s*\n", text) if block.strip()]


def state_documents() -> list[Document]:
    """The Declaration of Independence as one document, the Constitution as one an article or amendment."""
    documents: list[Document] = []
    for name in ("us-declaration", "us-constitution"):
        paragraphs = _paragraphs(gzip.decompress((STATE_DIRECTORY / f"{name}.gz").read_bytes()).decode("latin-1"))
        parts: list[list[str]] = [[]]
        for paragraph in paragraphs:
            if re.match(r"^(Article|Amendment|ARTICLE|AMENDMENT) [IVXL]+\b", paragraph) and parts[-1]:
                parts.append([])
            parts[-1].append(paragraph)
        for part in parts:
            documents.append(Document(part[0], "\n".join(part) + "\n", part[0] in HELD_OUT_ARTICLES))
    return documents


def load_corpus() -> list[Document]:
    return bible_documents() + state_documents()


def train_documents(corpus: list[Document]) -> list[str]:
    return [document.text for document in corpus if not document.held_out]


def held_out_text(corpus: list[Document]) -> str:
    return "\n".join(document.text for document in corpus if document.held_out)


def calibration_text(corpus: list[Document], size: int = 60_000) -> str:
    """Every k-th training document in order, about `size` characters together."""
    documents = train_documents(corpus)
    step = sum(map(len, documents)) // size
    chosen = [documents[index] for index in range(step // 2, len(documents), step)]
    return "\n".join(chosen)
