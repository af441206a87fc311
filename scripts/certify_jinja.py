#!/usr/bin/env python3
"""Compares every case of tests/fixtures/jinja/*.md with what dbt itself renders.

dbt Core makes the text: its environment, its context members, its macro namespace and dispatch. Only the warehouse is missing:
`ref` and `source` name relations, `config` keeps what it is given. `--write` fills in blocks that are not there yet. What is
there is never changed. Exits with 1 on a difference.
"""
import re
import sys
import traceback
from argparse import Namespace
from pathlib import Path

from dbt.adapters.base.column import Column
from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.contracts.relation import Policy
from dbt import flags
from dbt.clients.jinja import MacroGenerator, MacroStack, get_rendered
from dbt.context.base import BaseContext
from dbt.context.exceptions_jinja import wrapped_exports
from dbt.context.macros import MacroNamespaceBuilder
from dbt.context.providers import BaseDatabaseWrapper, BaseRefResolver, BaseSourceResolver
from dbt.contracts.graph.nodes import Macro
from dbt.contracts.graph.unparsed import UnparsedMacro
from dbt.node_types import NodeType
from dbt.parser.macros import MacroParser
from dbt_common.context import set_invocation_context
from dbt_common.events.event_manager_client import cleanup_event_logger
from dbt_common.exceptions import DbtBaseException

FIXTURES = Path(__file__).resolve().parent.parent / "tests/fixtures/jinja"
PROJECT = "shop"
VARS = {"three": 3, "names": ["ada", "bob"], "nested": {"a": {"b": 1}}, "empty": "", "nothing": None, "flag": False}
ENVIRONMENT = {"SHOP_COLOUR": "blue", "SHOP_EMPTY": ""}
CONFIG = {"unique_key": "id", "materialized": "table", "tags": ["a", "b"], "meta": {"owner": "ada"}, "unset": None}


class Project:
    """The few things that dbt asks of a project."""

    project_name = PROJECT
    dependencies = {}
    quoting = {"database": True, "schema": True, "identifier": True}
    args = None

    @staticmethod
    def get_macro_search_order(_namespace):
        return None


class Adapter:
    Relation = BaseRelation
    Column = Column
    config = Project()

    @staticmethod
    def type():
        return "duckdb"

    @staticmethod
    def quote(identifier):
        return f'"{identifier}"'


class Database(BaseDatabaseWrapper):
    def _get_adapter_macro_prefixes(self):
        return ["duckdb", "default"]

    def __getattr__(self, name):
        return getattr(self._adapter, name)


class Ref(BaseRefResolver):
    def resolve(self, name, package=None, version=None):
        named = name if version is None else f"{name}_v{version}"
        return self.Relation.create(database="db", schema="main", identifier=named)


class Source(BaseSourceResolver):
    def resolve(self, source_name, table_name):
        return self.Relation.create(database="db", schema=source_name, identifier=table_name)


class Config:
    """`config` while a model runs: calls do nothing, `get` reads."""

    def __call__(self, *args, **kwargs):
        return ""

    def get(self, name, default=None, validator=None):
        found = CONFIG.get(name, default)
        return default if found is None else found

    def require(self, name, validator=None):
        return CONFIG[name]


class Parser(MacroParser):
    """Only the cutting of a file into macros; no project behind it."""

    def __init__(self):
        pass

    def generate_unique_id(self, name):
        return f"macro.{PROJECT}.{name}"


def macros_of(text):
    unparsed = UnparsedMacro(
        path="macros/all.sql",
        original_file_path="macros/all.sql",
        package_name=PROJECT,
        raw_code=text,
        language="sql",
        resource_type=NodeType.Macro,
    )
    return list(Parser().parse_unparsed_macros(unparsed))


def context_of(macros):
    context = BaseContext(VARS).to_dict()
    builder = MacroNamespaceBuilder(PROJECT, PROJECT, MacroStack(), ["dbt", "dbt_duckdb"])
    namespace = builder.build_namespace({PROJECT: {m.name: m for m in macros}}, context)
    database = Database(Adapter, namespace)
    builtins = context["builtins"]
    builtins.update(
        ref=Ref(database, None, Project, None), source=Source(database, None, Project, None), config=Config()
    )
    context.update(builtins)
    context.update(
        adapter=database,
        api={"Relation": database.Relation, "Column": Column},
        exceptions=wrapped_exports(None),
        execute=True,
        this=database.Relation.create(database="db", schema="main", identifier="here"),
        target={"name": "dev", "type": "duckdb", "schema": "main", "threads": 1},
    )
    context.update(namespace)
    return context


def first_line(error):
    """The message of an error and, for a mistake in the model itself, its line."""
    message = str(getattr(error, "msg", error))
    told = re.search(r"\n  line (\d+)", message)
    message = message[: told.start()] if told else message
    if told:
        return message, int(told[1])
    cause = error.__cause__ or error
    lines = [f.lineno for f in traceback.extract_tb(cause.__traceback__) if f.filename == "<template>"]
    return message, lines[-1] if lines else None


def render(case):
    """What dbt makes of a case: (text, None, None) or (None, message, line)."""
    try:
        context = context_of(macros_of(case.get("macros", "")))
        return get_rendered(case["jinja"], context), None, None
    except (DbtBaseException, Exception) as error:  # noqa: BLE001 - every way to fail is an answer
        message, line = first_line(error)
        return None, message, None if "macros" in case else line


def cases(text):
    """(title, section) for each `## title`."""
    parts = re.split(r"(?m)^(?=## )", text)
    return parts[0], parts[1:]


def blocks(section):
    found = {"title": section.splitlines()[0][3:].strip()}
    for language, body in re.findall(r"(?ms)^```(macros|jinja|text|error)\n(.*?)\n?^```$", section):
        found[language] = body
    for word in ("differs", "todo"):
        told = re.search(rf"(?m)^{word}: (.+)$", section)
        if told:
            found[word] = told[1]
    return found


def disagreement(case, answer):
    """Why the case is not what dbt says; `None` when it is."""
    text, message, line = answer
    if "text" in case:
        if message is not None:
            return f"dbt fails: {message}"
        return None if text == case["text"] else f"dbt says:\n{text}"
    if message is None:
        return f"dbt does not fail, it says:\n{text}"
    told = re.search(r"(?m)^line (\d+)$", case["error"])
    words = re.sub(r"\n?^line \d+$", "", case["error"], flags=re.M)
    if words not in message:
        return f"dbt says: {message}"
    return f"dbt says line {line}" if told and int(told[1]) != line else None


def written(answer):
    text, message, line = answer
    if message is None:
        return f"```text\n{text}\n```\n"
    return f"```error\n{message}\n" + (f"line {line}\n" if line else "") + "```\n"


def check(path, write):
    head, sections = cases(path.read_text())
    wrong, out = [], [head]
    for section in sections:
        case = blocks(section)
        answer = render(case)
        name = f"{path.name}: {case['title']}"
        if "text" not in case and "error" not in case:
            if write:
                section = section.rstrip("\n") + "\n" + written(answer) + "\n"
            else:
                wrong.append(f"{name}\n  has no answer")
        else:
            why = disagreement(case, answer)
            if "differs" in case and why is None:
                wrong.append(f"{name}\n  is said to differ from dbt, but does not")
            if "differs" not in case and why is not None:
                wrong.append(f"{name}\n  {why}")
        out.append(section)
    if write:
        path.write_text("".join(out).rstrip("\n") + "\n")
    return len(sections), wrong


def main():
    set_invocation_context(ENVIRONMENT)
    flags.set_flags(Namespace(PRINT=False, show_all_deprecations=False, WARN_ERROR=False, WARN_ERROR_OPTIONS=None))
    cleanup_event_logger()
    write = "--write" in sys.argv[1:]
    total, wrong = 0, []
    for path in sorted(FIXTURES.glob("*.md")):
        count, found = check(path, write)
        total += count
        wrong += found
    print("\n".join(wrong + [f"{total} cases, {len(wrong)} not as dbt renders them"]))
    if not total or wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
