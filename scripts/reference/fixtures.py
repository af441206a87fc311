"""Fixture files: Markdown in, Markdown out. A case is a title (`## `), a mark perhaps, and fenced blocks; what it does not know it keeps."""

import re
from dataclasses import dataclass, field

BY_HAND = "certified: by hand"
BLOCKS = ("bigquery", "types", "duckdb", "rows", "error")


@dataclass
class Case:
    title: str
    line: int
    by_hand: bool = False
    blocks: dict = field(default_factory=dict)

    @property
    def is_open(self):
        """Whether the answer is still to be filled in."""
        return not (self.blocks.get("error") or ("types" in self.blocks and "rows" in self.blocks))

    def text(self):
        parts = [f"## {self.title}\n"]
        if self.by_hand:
            parts.append(f"{BY_HAND}\n")
        parts += [f"```{name}\n{self.blocks[name]}```\n" for name in BLOCKS if name in self.blocks]
        return "\n".join(parts)


class Malformed(Exception):
    pass


def parse(text):
    """The heading and the cases of a file."""
    head, *parts = re.split(r"^(?=## )", text, flags=re.M)
    line = head.count("\n") + 1
    cases = []
    for part in parts:
        cases.append(parse_case(part, line))
        line += part.count("\n")
    titles = [case.title for case in cases]
    for case in cases:
        if titles.count(case.title) > 1:
            raise Malformed(f"{case.line}: two cases have the title '{case.title}'")
    return head, cases


def parse_case(part, line):
    first, _, rest = part.partition("\n")
    case = Case(first[3:].strip(), line)
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", rest, flags=re.M | re.S):
        name, body = found.groups()
        if name not in BLOCKS or name in case.blocks:
            raise Malformed(f"{line}: a block '{name}' that a case cannot have (again)")
        case.blocks[name] = body
    between = re.sub(r"^```(\w+)\n(.*?)^```$", "", rest, flags=re.M | re.S)
    for words in filter(None, map(str.strip, between.splitlines())):
        if words != BY_HAND:
            raise Malformed(f"{line}: '{words}' is neither a block nor '{BY_HAND}'")
        case.by_hand = True
    if "bigquery" not in case.blocks:
        raise Malformed(f"{line}: no bigquery block")
    if "error" in case.blocks and ("rows" in case.blocks or "types" in case.blocks):
        raise Malformed(f"{line}: a case fails or gives rows, not both")
    return case


def render(head, cases):
    return head + "\n".join(case.text() for case in cases)
