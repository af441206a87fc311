"""The cloud adapter against an emulator that somebody else wrote.

1. The live-shopping project is built on the emulator and with `method: local`; `rsdbt diff` compares every relation.
2. A proxy between rsdbt and the emulator drops, delays, refuses and cuts off at random; an appending model runs many
   times, and no row may be lost or doubled.

Usage: suite.py RSDBT EMULATOR_BIN NAME (local-bigquery or bqemulator). Run by scripts/test_bigquery.sh.
"""

import http.server
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

RSDBT, EMULATOR, NAME = sys.argv[1:4]
ROOT = Path(__file__).resolve().parents[2]
PROJECT = "live-shopping-dev"
FAULT_RUNS = int(os.environ.get("FAULT_RUNS", "200"))
# What no emulator runs: models of BigQuery ML and what reads them (their requests are snapshots in tests/it/cloud).
WITHOUT_ML = ["--exclude", "tag:ml", "dashboard_sessions", "kpi_overview"]
SAMPLE = ["--vars", "{use_sample_events: true}"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_emulator(folder):
    port, grpc = free_port(), free_port()
    commands = {
        "local-bigquery": ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(grpc), "--data-dir", str(folder / "data")],
        "bqemulator": ["start", "--rest-port", str(port), "--grpc-port", str(grpc), "--ephemeral", "--project", PROJECT, "--log-level", "error"],
    }
    (folder / "data").mkdir()
    log = open(folder / "emulator.log", "wb")
    environment = dict(os.environ, BQEMU_ENABLE_FORMAT_EXTENSIONS="false")
    process = subprocess.Popen([EMULATOR, *commands[NAME]], stdout=log, stderr=log, env=environment)
    for _ in range(150):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/bigquery/v2/projects/{PROJECT}/datasets", timeout=5)
            return process, port
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.2)
    sys.exit(f"the emulator did not start: {(folder / 'emulator.log').read_text()[-2000:]}")


class Faults(http.server.BaseHTTPRequestHandler):
    """Forwards to the emulator, badly. What it does is drawn from one seeded generator."""

    protocol_version = "HTTP/1.1"
    target = 0
    share = 0.0
    seed = random.Random(7)
    lock = threading.Lock()
    seen_jobs = set()
    done = {}

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.lock:
            roll, pause = self.seed.random(), self.seed.random()
        kinds = ["drop", "busy", "delay", "answer lost", "cut off"]
        kind = kinds[int(roll / self.share * len(kinds))] if roll < self.share else "none"
        self.done[kind] = self.done.get(kind, 0) + 1
        if kind == "drop":
            return self.hang_up()
        if kind == "busy":
            return self.answer(503, b"<html>busy</html>")
        if kind == "delay":
            time.sleep(pause)
        status, answer = self.forward(body)
        if kind == "answer lost":
            return self.hang_up()
        self.answer(status, answer, cut=kind == "cut off")

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any

    def forward(self, body):
        # BigQuery refuses a job id that it has seen; not every emulator does.
        found = re.search(rb'"jobId"\s*:\s*"([^"]+)"', body)
        if self.command == "POST" and self.path.split("?")[0].endswith("/jobs") and found:
            if found[1] in self.seen_jobs:
                error = {"error": {"code": 409, "message": "Already Exists", "errors": [{"reason": "duplicate", "message": "Already Exists"}]}}
                return 409, json.dumps(error).encode()
            self.seen_jobs.add(found[1])
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length", "accept-encoding")}
        request = urllib.request.Request(f"http://127.0.0.1:{self.target}{self.path}", data=body or None, headers=headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status, body, cut=False):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            self.hang_up()


def start_proxy(target, share):
    Faults.target, Faults.share = target, share
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faults)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def rsdbt(folder, *arguments, check=True):
    done = subprocess.run([RSDBT, *arguments], cwd=folder, capture_output=True, text=True, env=dict(os.environ, NO_COLOR="1"))
    if check and done.returncode:
        sys.exit(f"rsdbt {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def profile(name, port, extra=""):
    return f"""{name}:
  target: emulator
  outputs:
    local: {{type: bigquery, method: local, project: {PROJECT}, dataset: shop, path: local.duckdb, threads: 2}}
    emulator:
      {{type: bigquery, method: oauth-secrets, token: not-checked, project: {PROJECT}, dataset: shop, location: US, threads: 2,
       api_endpoint: 'http://127.0.0.1:{port}'{extra}}}
"""


def same_rows(folder, port):
    shutil.copytree(ROOT / "project", folder / "project", ignore=shutil.ignore_patterns("target", "*.duckdb*"))
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    if NAME == "bqemulator":
        # It counts seconds between timestamps by their boundaries: with whole seconds that is the same.
        events = folder / "seeds" / "live_events_sample.csv"
        events.write_text(re.sub(r"(\d\d:\d\d:\d\d)\.\d+", r"\1", events.read_text()))
    project = folder / "project"
    (project / "profiles.yml").write_text(profile("live_shopping", port))
    for target in ("emulator", "local"):
        rsdbt(project, "seed", "-t", target)
        rsdbt(project, "run", "-t", target, *SAMPLE, *WITHOUT_ML)
        # Once more, now over tables that are there: the incremental model replaces its last partitions.
        rsdbt(project, "run", "-t", target, *SAMPLE, *WITHOUT_ML)
        rsdbt(project, "test", "-t", target, *SAMPLE, *WITHOUT_ML, "source:*")
        print(f"  built and tested on {target}")
    verdicts = json.loads(rsdbt(project, "diff", "-t", "emulator", "--output", "json", "-q", *SAMPLE, *WITHOUT_ML, check=False).stdout)
    wrong = []
    for verdict in verdicts:
        columns = verdict["columns"]
        if NAME == "bqemulator":
            # It types sums of INT64 as NUMERIC.
            columns = [c for c in columns if (c["base_type"], c["target_type"]) != ("INT64", "NUMERIC")]
        rows = verdict["only_base"] or verdict["only_target"] or verdict["cells"] or verdict["missing"]
        if columns or rows or verdict["base_rows"] != verdict["target_rows"]:
            wrong.append(verdict)
    if wrong or len(verdicts) < 12:
        sys.exit(f"{len(verdicts)} relations, these differ: {json.dumps(wrong, indent=1)[:4000]}")
    print(f"  {len(verdicts)} relations equal, {sum(v['base_rows'] for v in verdicts)} rows")


def no_row_lost(folder, port):
    proxy = start_proxy(port, share=0.2)
    project = folder / "faults"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: faults\nprofile: faults\n")
    (project / "profiles.yml").write_text(profile("faults", proxy, ", job_retry_deadline_seconds: 60"))
    (project / "models" / "grown.sql").write_text(
        "{{ config(materialized='incremental') }}\n"
        "select {{ var('number', 0) }} as run, n from unnest(generate_array(1, 10)) as n\n"
    )
    begun = time.time()
    for number in range(FAULT_RUNS):
        rsdbt(project, "run", "-q", "--vars", f"{{number: {number}}}")
    Faults.share = 0.0
    sql = "select count(*) as n, count(distinct run * 100 + n) as different from {{ ref('grown') }}"
    shown = rsdbt(project, "show", "-q", "--inline", sql, "--output", "json").stdout
    row = json.loads(shown)["show"][0]
    faults = {kind: count for kind, count in Faults.done.items() if kind != "none"}
    if (row["n"], row["different"]) != (10 * FAULT_RUNS, 10 * FAULT_RUNS):
        sys.exit(f"rows were lost or doubled: {row}, wanted {10 * FAULT_RUNS}; faults {faults}")
    if not all(faults.get(kind) for kind in ("drop", "busy", "delay", "answer lost", "cut off")):
        sys.exit(f"the proxy did not do its worst: {faults}")
    print(f"  {FAULT_RUNS} runs, {row['n']} rows, none lost or doubled, in {time.time() - begun:.0f} s; faults: {faults}")


def main():
    folder = Path(tempfile.mkdtemp(prefix="rsdbt-bigquery-"))
    emulator, port = start_emulator(folder)
    try:
        print(f"The live-shopping project on {NAME}:")
        same_rows(folder, port)
        print("Faults between rsdbt and the server:")
        no_row_lost(folder, port)
    finally:
        emulator.terminate()
        shutil.rmtree(folder, ignore_errors=True)


main()
