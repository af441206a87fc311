"""A history of edits to a project, and what `state:` selects after each of them: by dbt itself and by rsdbt.

    compare_state.py BINARY [EDITS] [SEED]

dbt 1.11 and dbt-duckdb run in this process. After every edit the selections must be equal: rsdbt's against the manifest that dbt
wrote of the project before the edit, and against the one that rsdbt wrote.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
from dbt.cli.main import dbtRunner  # noqa: E402

SELECTIONS = [
    "state:modified+",
    "state:new",
    "state:modified.body",
    "state:modified.configs",
    "state:modified.relation",
    "state:modified.macros",
    "state:modified.persisted_descriptions",
    "state:modified.contract",
]

FILES = {
    "dbt_project.yml": """name: lab
version: '1.0'
profile: lab
models:
  lab:
    +persist_docs: {relation: true}
    marts: {+materialized: table, +tags: [mart]}
""",
    "profiles.yml": "lab: {target: dev, outputs: {dev: {type: duckdb, path: lab.duckdb}}}\n",
    "seeds/people.csv": "id,name\n1,Ann\n2,Bob\n",
    "macros/text.sql": "{% macro plain(x) %}trim({{ x }}){% endmacro %}\n"
    "{% macro tidy(x) %}{{ plain(x) }}{% endmacro %}\n"
    "{% macro any_of(x) %}{{ return(adapter.dispatch('any_of', 'lab')(x)) }}{% endmacro %}\n"
    "{% macro default__any_of(x) %}max({{ x }}){% endmacro %}\n",
    "models/staging/people_clean.sql": "select id, {{ tidy('name') }} as name from {{ ref('people') }}\n",
    "models/staging/things.sql": "select * from {{ source('raw', 'things') }}\n",
    "models/marts/best.sql": "{{ config(alias='best_of') }}\nselect {{ any_of('id') }} as id from {{ ref('people_clean') }}\n",
    "models/marts/wide.sql": "select p.id from {{ ref('people_clean') }} p join {{ ref('things') }} t on p.id = t.id\n",
    "snapshots/history.sql": "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols='all') }}"
    "select * from {{ ref('people_clean') }}{% endsnapshot %}\n",
    "tests/none_missing.sql": "select * from {{ ref('wide') }} where id is null\n",
    "models/models.yml": """models:
  - name: people_clean
    description: Clean people.
    columns:
      - {name: id, data_type: integer, data_tests: [unique, not_null]}
      - name: name
        data_tests:
          - accepted_values: {arguments: {values: [Ann, Bob]}}
  - name: best
    config: {contract: {enforced: true}}
    columns:
      - {name: id, data_type: integer, constraints: [{type: not_null}]}
sources:
  - name: raw
    tables:
      - {name: things, columns: [{name: id, data_tests: [not_null]}]}
exposures:
  - {name: page, type: dashboard, owner: {name: Ann}, depends_on: [ref('wide')]}
unit_tests:
  - name: trims
    model: people_clean
    given: [{input: ref('people'), rows: [{id: 1, name: ' Ann '}]}]
    expect: {rows: [{id: 1, name: Ann}]}
""",
}

# file, what stands there, what is put in its place; `{n}` is the number of the edit
EDITS = [
    ("models/staging/people_clean.sql", "select id,", "select id, -- {n}\n"),
    ("models/staging/people_clean.sql", "select id", "select  id"),
    ("models/marts/wide.sql", "select p.id", "select p.id + {n} as other, p.id"),
    ("models/marts/best.sql", "alias='best_of'", "alias='best_{n}'"),
    ("models/marts/best.sql", "config(", "config(tags=['t{n}'], "),
    ("models/marts/wide.sql", "select p", "{{{{ config(meta={{'n': {n}}}) }}}}select p"),
    ("macros/text.sql", "trim({{", "trim( {{{{"),
    ("macros/text.sql", "max({{", "min({{{{"),
    ("macros/text.sql", "{% macro any_of", "{{% macro new_{n}() %}}{{% endmacro %}}\n{{% macro any_of"),
    ("dbt_project.yml", "+materialized: table", "+materialized: view"),
    ("dbt_project.yml", "+tags: [mart]", "+tags: [mart{n}]"),
    ("dbt_project.yml", "relation: true", "relation: true, columns: true"),
    ("dbt_project.yml", "    marts:", "    +schema: s{n}\n    marts:"),
    ("models/models.yml", "Clean people", "Clean people {n}"),
    ("models/models.yml", "[unique, not_null]", "[unique, {{not_null: {{config: {{severity: warn}}}}}}]"),
    ("models/models.yml", "values: [Ann, Bob]", "values: [Ann, Bob, P{n}]"),
    ("models/models.yml", "data_type: integer, constraints", "data_type: bigint, constraints"),
    ("models/models.yml", "constraints: [{type: not_null}]", "constraints: [{{type: check, expression: id > {n}}}]"),
    ("models/models.yml", "- {name: things, columns", "- {{name: things, identifier: t{n}, columns"),
    ("models/models.yml", "  - name: raw\n", "  - name: raw\n    schema: s{n}\n"),
    ("models/models.yml", "type: dashboard", "type: notebook"),
    ("models/models.yml", "name: ' Ann '", "name: ' Ann{n} '"),
    ("models/models.yml", "{name: id, data_tests: [not_null]}", "{{name: id, description: d{n}, data_tests: [not_null]}}"),
    ("seeds/people.csv", "2,Bob", "2,Bob{n}"),
    ("seeds/people.csv", "1,Ann", "1,Ann "),
    ("snapshots/history.sql", "check_cols='all'", "check_cols=['name']"),
    ("snapshots/history.sql", "select *", "select *, {n} as n"),
    ("tests/none_missing.sql", "is null", "is null and id > {n}"),
    ("models/marts/new_{n}.sql", None, "select {n} as id from {{{{ ref('wide') }}}}\n"),
    ("models/marts/wide.sql", "select p.id", "\n\nselect p.id"),
]


def ids(lines):
    return sorted(line for line in lines if line and "No nodes selected" not in line)


def by_dbt(project, selection, state):
    arguments = ["--quiet", "ls", "-s", selection, "--state", str(state), "--output", "selector", "--project-dir", str(project)]
    done = dbtRunner().invoke(arguments + ["--profiles-dir", str(project), "--no-partial-parse"])
    if done.exception:
        raise SystemExit(f"dbt: {done.exception}")
    return ids(done.result or [])


def by_rsdbt(binary, project, selection, state):
    done = subprocess.run([binary, "ls", "-q", "-s", selection, "--state", str(state)], cwd=project, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"rsdbt: {done.stdout}{done.stderr}")
    return ids(done.stdout.splitlines())


def edit(project, number, chance):
    """Makes one edit that fits the project as it is, and says which."""
    for path, old, new in chance.sample(EDITS, len(EDITS)):
        file = project / path.format(n=number)
        new = new.format(n=number)
        if old is None:
            file.write_text(new)
            return f"{file.name} is new"
        text = file.read_text()
        if old in text:
            file.write_text(text.replace(old, new, 1))
            return f"{path}: {old!r} -> {new!r}"
    raise SystemExit("no edit fits")


def keep_states(binary, project, dbt_state, own_state):
    done = dbtRunner().invoke(
        ["--quiet", "parse", "--project-dir", str(project), "--profiles-dir", str(project), "--no-partial-parse"]
    )
    if done.exception:
        raise SystemExit(f"dbt: {done.exception}")
    shutil.copy(project / "target/manifest.json", dbt_state / "manifest.json")
    subprocess.run([binary, "parse", "-q"], cwd=project, check=True)
    shutil.copy(project / "target/manifest.json", own_state / "manifest.json")


def main():
    binary = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    differences = compared = 0
    with tempfile.TemporaryDirectory() as folder:
        project, dbt_state, own_state = (pathlib.Path(folder) / name for name in ("lab", "by_dbt", "by_rsdbt"))
        for state in (dbt_state, own_state):
            state.mkdir()
        for number in range(1, count + 1):
            if number % 10 == 1:
                # Some edits cannot be made twice: the project begins anew.
                shutil.rmtree(project, ignore_errors=True)
                for path, text in FILES.items():
                    (project / path).parent.mkdir(parents=True, exist_ok=True)
                    (project / path).write_text(text)
            keep_states(binary, project, dbt_state, own_state)
            what = edit(project, number, chance)
            for selection in SELECTIONS:
                wanted = by_dbt(project, selection, dbt_state)
                for state in (dbt_state, own_state):
                    found = by_rsdbt(binary, project, selection, state)
                    compared += 1
                    if found != wanted:
                        differences += 1
                        print(f"{number}: {what}\n  {selection}, state {state.name}\n  dbt   {wanted}\n  rsdbt {found}")
    print(f"{count} edits, {compared} selections compared, {differences} differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
