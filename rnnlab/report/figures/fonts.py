"""Fonts of this machine for letters that matplotlib's own font does not have: Korean, Chinese, Japanese and others."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib import font_manager

# Fonts that come with common systems; those with the most letters first.
KNOWN = (
    "Noto Sans CJK KR", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans KR", "Source Han Sans", "NanumGothic",
    "Malgun Gothic", "Apple SD Gothic Neo", "AppleGothic", "Hiragino Sans", "PingFang SC", "Microsoft YaHei",
    "Yu Gothic", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "UnDotum", "Droid Sans Fallback", "Arial Unicode MS",
    "Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Thai", "Noto Sans Devanagari",
)  # fmt: skip
FILES = re.compile(r"CJK|Noto|Nanum|SourceHan|wqy|UnDotum|DroidSansFallback", re.IGNORECASE)
MOST = 6


def _fallbacks() -> list[str]:
    listed = {Path(font.fname) for font in font_manager.fontManager.ttflist}
    for path in map(Path, font_manager.findSystemFonts()):
        regular = "Regular" in path.name or "-" not in path.name
        if path not in listed and regular and FILES.search(path.name):  # installed after matplotlib made its list
            try:
                font_manager.fontManager.addfont(path)
            except (OSError, RuntimeError):
                continue
    names = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in KNOWN if name in names][:MOST]


FALLBACKS = _fallbacks()
