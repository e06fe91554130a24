# SPDX-License-Identifier: Apache-2.0
"""The boot matrix as a picture: a grid for each architecture, the time in each cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Column = tuple[str, str, int]                    # IOMMU, boot, vCPUs
Key = tuple[str, str, str, int]                  # kernel, then a column

CELL, ROW = 78, 34            # pixels
LEFT, MARGIN, GAP = 110, 24, 30
HEAD = 84                     # above a grid: its title and three lines of heads
NAMES = {"none": "no IOMMU", "smmuv3": "SMMUv3"}
STEPS = 5                     # shades of a cell, the slowest darkest

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2933; text-anchor: middle }
  .title { font-size: 16px; font-weight: 600; text-anchor: start }
  .note { font-size: 12px; fill: #52606d; text-anchor: start }
  .kernel { text-anchor: end } .head { fill: #52606d }
  .page { fill: #ffffff } .none { fill: #eef1f4 } .rule { stroke: #9aa5b1 }
  .s0 { fill: #e3f2e6 } .s1 { fill: #cde8d3 } .s2 { fill: #b3dcbd } .s3 { fill: #97cfa6 } .s4 { fill: #7bc08e }
  .bad { fill: #f3b5b0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb } .note, .head { fill: #9aa5b1 }
    .page { fill: #16191d } .none { fill: #22272d } .rule { stroke: #52606d }
    .s0 { fill: #1d3325 } .s1 { fill: #21422d } .s2 { fill: #265136 } .s3 { fill: #2c6140 } .s4 { fill: #33724b }
    .bad { fill: #7d2e2a }
  }
"""


@dataclass(frozen=True)
class Table:
    """The cells of an architecture: seconds, and whether it went well."""

    title: str
    kernels: Sequence[str]
    columns: Sequence[Column]
    cells: Mapping[Key, tuple[float, bool]]

    @property
    def width(self) -> int:
        """Of its grid and the names of the rows."""
        return LEFT + CELL * len(self.columns)

    @property
    def height(self) -> int:
        """With its heads."""
        return HEAD + ROW * len(self.kernels)


def draw(tables: Sequence[Table]) -> str:
    """The picture as the text of an SVG file."""
    slowest = max((seconds for table in tables for seconds, _ in table.cells.values()), default=1)
    width = 2 * MARGIN + max(table.width for table in tables)
    parts, top = [], MARGIN
    for table in tables:
        parts += _grid(table, top, slowest)
        top += table.height + GAP
    height = top + MARGIN
    note = ("Seconds from the start of aerie to the guest's power-off, guest and host under "
            "emulation. For the SMMUv3 Linux has a driver on arm64 only.")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">',
        f"<style>{STYLE}</style>", _rect("page", 0, 0, width, height), *parts,
        _text("note", MARGIN, height - MARGIN, note), "</svg>", ""])


def _grid(table: Table, top: int, slowest: float) -> list[str]:
    parts = [_text("title", MARGIN, top + 16, table.title)]
    for level in range(3):
        parts += _heads(table, level, top + 40 + 17 * level)
    for row, kernel in enumerate(table.kernels):
        y = top + HEAD + ROW * row
        parts.append(_text("kernel", MARGIN + LEFT - 14, y + ROW // 2 + 5, kernel))
        for at, column in enumerate(table.columns):
            parts += _cell(table.cells.get((kernel, *column)), _left(at), y, slowest)
    return parts


def _heads(table: Table, level: int, y: int) -> list[str]:
    """One line of heads: a name stands once, over all its columns."""
    parts, first = [], 0
    for at in range(1, len(table.columns) + 1):
        head = table.columns[first][:level + 1]
        if at < len(table.columns) and table.columns[at][:level + 1] == head:
            continue
        name = str(head[level])
        name = NAMES.get(name, name)
        if level == 2:
            name += " vCPU" if name == "1" else " vCPUs"
        middle = (_left(first) + _left(at)) // 2
        parts.append(_text("head", middle, y, name))
        if level == 0 and first > 0:
            x, end = _left(first) - 1, y + HEAD - 40 + ROW * len(table.kernels)
            parts.append(f'<line class="rule" x1="{x}" y1="{y - 13}" x2="{x}" y2="{end}"/>')
        first = at
    return parts


def _cell(cell: tuple[float, bool] | None, x: int, y: int, slowest: float) -> list[str]:
    if cell is None:
        return [_rect("none", x, y, CELL - 2, ROW - 2)]
    seconds, good = cell
    shade = f"s{min(STEPS - 1, int(STEPS * seconds / slowest))}" if good else "bad"
    text = f"{seconds:.1f} s" if good else "failed"
    return [_rect(shade, x, y, CELL - 2, ROW - 2),
            _text("", x + CELL // 2 - 1, y + ROW // 2 + 4, text)]


def _left(column: int) -> int:
    return MARGIN + LEFT + CELL * column


def _rect(kind: str, x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="3"/>'


def _text(kind: str, x: int, y: int, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'
