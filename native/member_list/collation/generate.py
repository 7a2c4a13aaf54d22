#!/usr/bin/env python3
"""Makes src/collation/table.bin and tests/collation.txt from the collation data that Unicode publishes.

    native/member_list/collation/generate.py /usr/share/unicode/cldr/common/uca

The folder is that of Debian's package unicode-cldr-core (CLDR 41, Unicode 14). Case is left out:
a weight is a primary one (0x0100 and above) or that of an accent (its secondary weight less 0x20).
"""
import re
import struct
import sys
from pathlib import Path

SOURCE = Path(sys.argv[1])
CRATE = Path(__file__).resolve().parent.parent
COMPUTED = 0xFFFF  # Han and unassigned characters: their weight is made of their number
EXPANSION = 0x8000  # the rest is where in the expansions the weights are
EVERY = 41  # a prime: of the published test cases, each 41st


def weights(elements):
    found = []
    for primary, secondary in re.findall(r"\[[.*]([0-9A-F]{4})\.([0-9A-F]{4})\.", elements):
        primary, secondary = int(primary, 16), int(secondary, 16)
        if primary:
            found.append(primary)
        elif secondary:
            found.append(secondary - 0x20)
    return found


def entries():
    for line in (SOURCE / "allkeys_CLDR.txt").read_text(encoding="utf-8").splitlines():
        match = re.match(r"([0-9A-F ]+);([^#]*)", line)
        if match:
            yield [int(point, 16) for point in match[1].split()], weights(match[2])


def table():
    single, contractions, expansions = {}, [], []
    for points, found in entries():
        if len(points) > 1:
            contractions.append((points, found))
        elif len(found) == 1 and found[0] < EXPANSION:
            single[points[0]] = found[0]
        elif not found:
            single[points[0]] = 0
        else:
            single[points[0]] = EXPANSION | len(expansions)
            expansions += [len(found)] + found

    pages, index = {}, []
    for page in range(0x110000 >> 8):
        row = tuple(single.get(page << 8 | low, COMPUTED) for low in range(256))
        index.append(pages.setdefault(row, len(pages)))
    while index[-1] == index[-2]:
        index.pop()

    # Sorted, so that what begins with the same characters is found by a search.
    packed = []
    for points, found in sorted(contractions):
        points += [0] * (3 - len(points))
        packed += [half for point in points for half in (point >> 16, point & 0xFFFF)]
        packed += [len(found)] + found + [0] * (6 - len(found))
    rows = [weight for row in pages for weight in row]
    return [index, rows, expansions, packed]


def write_table():
    parts = table()
    halves = [len(part) >> shift & 0xFFFF for part in parts for shift in (0, 16)]
    for part in parts:
        halves += part
    data = struct.pack(f"<{len(halves)}H", *halves)
    (CRATE / "src/collation/table.bin").write_bytes(data)
    print([len(part) for part in parts], len(data), "bytes")


def write_cases():
    """Each case says how it stands to the one before: `<` letters, `;` accents, `=` case at most."""
    cases, last = [], None
    lines = (SOURCE / "CollationTest_CLDR_NON_IGNORABLE.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if re.match(r"[0-9A-F]{4}", line) and not re.match(r"D[89A-F]", line)]
    for line in lines[::EVERY] :
        points, levels = line.split(";")[0], line[line.rindex("[") + 1 : line.rindex("]")].split("|")
        primary, secondary = levels[0].split(), levels[1].split()
        if last is None or last[0] != primary:
            relation = "<"
        else:
            relation = "=" if last[1] == secondary else ";"
        cases.append(f"{relation} {points}\n")
        last = (primary, secondary)
    (CRATE / "tests/collation.txt").write_text("".join(cases))
    print(len(cases), "cases")


write_table()
write_cases()
