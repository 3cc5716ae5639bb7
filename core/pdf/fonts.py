"""The fonts of documents: Noto Sans, whose figures are all of one width, and DejaVu for letters that it lacks.

Both are embedded as subsets, so a document looks the same everywhere. ReportLab sets left to right and joins no
letters: Latin, Greek, Cyrillic, Armenian and Georgian print as they should, Hebrew and Arabic do not.
"""

import functools
import unicodedata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "Document", "Document-Bold"
# Font -> (first choice, fallback) inside node_modules (package.json pins the packages).
FILES = {
    REGULAR: (
        "@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf",
        "dejavu-fonts-ttf/ttf/DejaVuSans.ttf",
    ),
    BOLD: (
        "@expo-google-fonts/noto-sans/600SemiBold/NotoSans_600SemiBold.ttf",
        "dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf",
    ),
}
MISSING = "The fonts of PDF documents are missing."
HINT = "Run bin/run, or npm ci --ignore-scripts."

Run = tuple[str, str]


class FontsMissing(Exception):
    """The front-end packages are not installed, so no document can be made."""


def font_path(name: str) -> Path:
    """Return where a font's file lies."""
    return settings.BASE_DIR / "node_modules" / name


@register
def fonts_are_there(**kwargs: Any) -> list[CheckMessage]:
    """Warn where ``npm ci`` has not been run (core.W002)."""
    there = all(font_path(name).exists() for pair in FILES.values() for name in pair)
    return [] if there else [Warning(MISSING, hint=HINT, id="core.W002")]


@functools.cache
def loaded(face: str) -> tuple[TTFont, TTFont]:
    """Return a face and its fallback, registered with ReportLab. Raise FontsMissing without their files."""
    fonts = []
    for suffix, name in zip(("", "-Fallback"), FILES[face], strict=True):
        if not font_path(name).exists():
            raise FontsMissing(f"{MISSING} {HINT}")
        font = TTFont(f"{face}{suffix}", str(font_path(name)))
        pdfmetrics.registerFont(font)
        fonts.append(font)
    return fonts[0], fonts[1]


def printable(text: str) -> str:
    """Return text without what has no place on paper: control characters and marks that turn the direction."""
    kept = (" " if unicodedata.category(sign) == "Cc" else sign for sign in unicodedata.normalize("NFC", text))
    return "".join(sign for sign in kept if unicodedata.category(sign) not in ("Cf", "Cs", "Co"))


def runs_of(text: str, face: str) -> list[Run]:
    """Return text in pieces of one font each: what the face lacks, its fallback prints."""
    first, fallback = loaded(face)
    known, more = first.face.charToGlyph, fallback.face.charToGlyph
    runs: list[Run] = []
    for sign in text:
        font = fallback.fontName if ord(sign) not in known and ord(sign) in more else first.fontName
        if runs and runs[-1][0] == font:
            runs[-1] = (font, runs[-1][1] + sign)
        else:
            runs.append((font, sign))
    return runs


def width_of(text: str, face: str, size: float) -> float:
    """Return how wide text prints, in points."""
    return sum(pdfmetrics.stringWidth(piece, font, size) for font, piece in runs_of(text, face))


def wrapped(text: str, face: str, size: float, width: float, most: int = 12) -> list[list[Run]]:
    """Return the lines of text that fit ``width`` points; words longer than a line are broken.

    After ``most`` lines it ends with an ellipsis: no text, however long, pushes everything else off its page.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines.extend(_filled(printable(paragraph), face, size, width, most + 1 - len(lines)))
        if len(lines) > most:
            lines = [*lines[: most - 1], _cut(lines[most - 1], face, size, width)]
            break
    return [runs_of(line, face) for line in lines]


def _filled(text: str, face: str, size: float, width: float, most: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for whole in text.split() or [""]:
        word = whole
        while word and len(lines) < most:
            joined = f"{line} {word}" if line else word
            if width_of(joined, face, size) <= width:
                line, word = joined, ""
            elif line:
                lines.append(line)
                line = ""
            else:
                fits = _fitting(word, face, size, width)
                lines.append(word[:fits])
                word = word[fits:]
    if line or not lines:
        lines.append(line)
    return lines[:most]


def _fitting(word: str, face: str, size: float, width: float) -> int:
    """Return how many signs of a word fit a line; one at least, or it would never end."""
    taken = 0.0
    for count, sign in enumerate(word):
        taken += width_of(sign, face, size)
        if taken > width:
            return max(count, 1)
    return len(word)


def _cut(line: str, face: str, size: float, width: float) -> str:
    while line and width_of(f"{line}…", face, size) > width:
        line = line[:-1]
    return f"{line.rstrip()}…"
