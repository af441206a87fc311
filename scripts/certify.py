#!/usr/bin/env python3
"""Certifies tests/fixtures/sql with Google's reference implementation of GoogleSQL.

    certify.py [--write] [FILE or FOLDER ...]

Every case but those marked `certified: by hand` is asked; a difference in types, rows or message is printed and the exit code is 1.
A mark that is not needed is a mistake too. --write fills in the blocks that are missing; an empty error block means "must fail".
"""

import argparse
import json
import math
import pathlib
import re
import sys

from reference.fixtures import BY_HAND, Malformed, parse, render
from reference.oracle import Broken, Oracle, Refused
from reference.values import Unfit

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests/fixtures/sql"
# A float may differ in its last digits from one machine's mathematical library to the next.
TOLERANCE = 1e-12
HAND_LIMIT = 0.12


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="fill in the blocks that are missing")
    arguments.add_argument("paths", nargs="*", type=pathlib.Path, help="instead of all fixtures")
    options = arguments.parse_args()
    cache = ROOT / "target/certify"
    cache.mkdir(parents=True, exist_ok=True)
    run = Run(Oracle(str(cache)), options.write)
    for path in options.paths or [FIXTURES]:
        for file in sorted(path.rglob("*.md")) if path.is_dir() else [path]:
            run.file(file)
    return run.report(whole=not options.paths)


class Run:
    def __init__(self, oracle, write):
        self.oracle, self.write = oracle, write
        self.certified = self.by_hand = self.mistakes = 0

    def file(self, path):
        try:
            head, cases = parse(path.read_text())
        except Malformed as problem:
            return self.mistake(path, None, problem)
        for case in cases:
            problem = self.hand_problem(case) if case.by_hand else self.problem(case)
            if problem:
                self.mistake(path, case, problem)
            elif case.by_hand:
                self.by_hand += 1
            else:
                self.certified += 1
        if self.write:
            path.write_text(render(head, cases))

    def problem(self, case):
        """What is wrong with a case that the reference answers; None where it bears it out."""
        try:
            answer = self.oracle.ask(case.blocks["bigquery"])
            unfit = None if answer.ordered or len(answer.rows) < 2 else "the order of its rows is not defined"
        except Broken as problem:
            return f"{problem}; mark it '{BY_HAND}'"
        except Refused as refused:
            return self.error_problem(case, str(refused))
        except Unfit as problem:
            return str(problem)
        return unfit or self.rows_problem(case, answer)

    def error_problem(self, case, message):
        if "error" not in case.blocks:
            return f"the reference refuses it: {message}"
        if not case.blocks["error"].strip() and self.write:
            case.blocks["error"] = f"{short(message)}\n"
        wanted = case.blocks["error"].strip()
        return None if wanted and wanted.lower() in message.lower() else f"'{wanted}' is not in: {message}"

    def rows_problem(self, case, answer):
        if "error" in case.blocks:
            return f"it does not fail: {json.dumps(answer.rows, ensure_ascii=False)[:200]}"
        types = "".join(f"{name} {kind}\n" for name, kind in answer.columns)
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in answer.rows)
        if self.write:
            case.blocks.setdefault("types", types)
            case.blocks.setdefault("rows", rows)
        if case.is_open:
            return "types or rows are missing (--write fills them in)"
        if case.blocks["types"] != types:
            return f"types are\n{types}not\n{case.blocks['types']}"
        try:
            wanted = [json.loads(line) for line in case.blocks["rows"].splitlines()]
        except ValueError as problem:
            return f"rows: {problem}"
        return None if same(wanted, answer.rows) else f"rows are\n{rows}not\n{case.blocks['rows']}"

    def hand_problem(self, case):
        """A case marked by hand must have its answer, and must be one that the reference cannot give."""
        if case.is_open:
            return "by hand, but without an answer"
        try:
            self.oracle.ask(case.blocks["bigquery"])
        except (Broken, Unfit):
            return None
        except Refused as refused:
            wanted = case.blocks.get("error", "").strip()
            return f"needs no mark: the reference says {refused}" if wanted and wanted.lower() in str(refused).lower() else None
        return "needs no mark: the reference can run it"

    def mistake(self, path, case, problem):
        self.mistakes += 1
        place = f"{path.resolve().relative_to(ROOT)}:{case.line}: {case.title}" if case else str(path)
        print(f"{place}\n    {str(problem).strip()}".replace("\n", "\n    ") + "\n", file=sys.stderr)

    def report(self, whole):
        print(f"{self.certified} cases certified, {self.by_hand} by hand, {self.mistakes} mistakes")
        if whole and self.by_hand > HAND_LIMIT * (self.certified + self.by_hand):
            print(f"more than {HAND_LIMIT:.0%} of the cases are written by hand", file=sys.stderr)
            return 1
        return 1 if self.mistakes else 0


# Messages whose tail quotes the parser or the values at hand.
TALKATIVE = ("Invalid input to ", "Invalid JSON literal", "Cannot parse regular expression", "Invalid REGEXP_REPLACE pattern",
             "Illegal conversion of ", "Failed to decode ")


def short(message):
    """The stable part of a message: no code before it; no values, place or list of signatures behind it."""
    text = re.sub(r"^Code: \d+, Message: ", "", message).split("\n")[0].split(". ")[0]
    text = re.sub(r"(overflow|division by zero|out of range): .*", r"\1", text)
    text = re.split(r" \[at |; |, because| for argument types|, but | due to ", text)[0]
    text = re.sub(r"(?<=.{12})([ :]*[\"'].*|\((?=-?\d|\?).*|(?<=.{13})[:.]? -?\d.*)", "", text).strip()
    return text.split(": ")[0] if text.startswith(TALKATIVE) else text


def same(wanted, got):
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    if isinstance(wanted, float) or isinstance(got, float):
        numbers = all(type(side) in (int, float) for side in (wanted, got))
        return numbers and math.isclose(wanted, got, rel_tol=TOLERANCE)
    return type(wanted) is type(got) and wanted == got


if __name__ == "__main__":
    sys.exit(main())
