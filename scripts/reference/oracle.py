"""Google's reference implementation of GoogleSQL (PyPI `zetasql`, WebAssembly), set up as BigQuery is: the judge of the SQL fixtures.

`Oracle.ask(sql)` gives an `Answer` or raises `Refused` with the message. It knows nothing of fixtures.
It must never guess: a value that it cannot read is an error of its own, not a text.
"""

import ctypes
import os
import re
from dataclasses import dataclass

import tzdata
import wasmtime
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2 as options
from zetasql.wasi._pb2.zetasql.public import builtin_function_pb2 as builtin
from zetasql.wasi._pb2.zetasql.public import options_pb2 as public

from reference.values import Value, columns_of, type_name

# What GoogleSQL can do and BigQuery does not.
NOT_IN_BIGQUERY = """
ARRAY_EQUALITY ARRAY_ORDERING ARRAY_GREATEST_LEAST ARRAY_ZIP AGGREGATE_FILTERING BARE_ARRAY_ACCESS INLINE_LAMBDA_ARGUMENT
LATERAL_JOIN LATERAL_COLUMN_REFERENCES LIKE_ANY_SOME_ALL_ARRAY MAP_TYPE UUID_TYPE MULTILEVEL_AGGREGATION MULTIWAY_UNNEST
WITH_GROUP_ROWS JSON_TYPE_COMPARISON TIMESTAMP_NANOS TIMESTAMP_PICOS LITERAL_CONCATENATION UPDATE_CONSTRUCTOR FIRST_AND_LAST_N
IMPLICIT_COERCION_STRING_LITERAL_TO_BYTES MULTI_GROUPING_SETS STRUCT_BRACED_CONSTRUCTORS LIMIT_ALL LIMIT_OFFSET_EXPRESSIONS FOR_UPDATE
PIPE_FORK PIPE_TEE PIPE_IF PIPE_LOG PIPE_DESCRIBE PIPE_STATIC_DESCRIBE PIPE_EXPORT_DATA PIPE_CREATE_TABLE PIPE_INSERT
NULLIFZERO_ZEROIFNULL ARRAY_FIND_FUNCTIONS ARRAY_AGGREGATION_FUNCTIONS RADIANS_DEGREES_FUNCTIONS PI_FUNCTIONS L1_NORM L2_NORM
JSON_ARRAY_VALUE_EXTRACTION_FUNCTIONS DOT_PRODUCT MANHATTAN_DISTANCE JSON_CONTAINS_FUNCTION
""".split()

# Functions of GoogleSQL that BigQuery's reference does not list.
FUNCTIONS_NOT_IN_BIGQUERY = """
IFERROR ISERROR NULLIFERROR ARRAY_IS_DISTINCT ARRAY_INCLUDES ARRAY_FILTER ARRAY_TRANSFORM
""".split()

# Elements that the reference leaves to its C library, which lacks them in WebAssembly: the answer would be an empty text.
UNKNOWN_ELEMENTS = re.compile(r"(?:FORMAT|PARSE)_\w+\(\s*'[^']*%[klP]")

# Invalid argument, out of range. Any other code (unimplemented, internal) is the reference's own trouble.
USERS_MISTAKES = ("Code: 3,", "Code: 11,")


class Refused(Exception):
    """The query must fail; the text says why."""


class Broken(Refused):
    """The reference itself gave up; the answer of BigQuery is not known."""


@dataclass
class Answer:
    columns: list  # (name, type) in BigQuery's words
    rows: list
    ordered: bool


class Oracle:
    def __init__(self, cache):
        config = wasmtime.Config()
        config.shared_memory = True
        self.engine = wasmtime.Engine(config)
        self.module = self._module(cache)
        self._start()

    def ask(self, sql):
        if UNKNOWN_ELEMENTS.search(sql):
            raise Broken("the reference's C library knows neither %k, %l nor %P")
        try:
            return self._ask(sql)
        except wasmtime.Trap as trap:
            self._start()
            raise Broken("the reference implementation ends abnormally") from trap
        except wasmtime.WasmtimeError as error:
            self._start()
            raise Broken(f"the reference implementation ends abnormally: {str(error)[:80]}") from error

    def _ask(self, sql):
        statement = self._call("Analyze", service.AnalyzeRequest(
            sql_statement=sql, options=self.options, registered_catalog_id=self.catalog), service.AnalyzeResponse)
        kind = statement.resolved_statement.WhichOneof("node")
        if kind != "resolved_query_stmt_node":
            raise Broken(f"{kind} is not a query")
        query = statement.resolved_statement.resolved_query_stmt_node
        state = self._call("PrepareQuery", service.PrepareQueryRequest(
            sql=sql, options=self.options, registered_catalog_id=self.catalog), service.PrepareQueryResponse).prepared
        try:
            result = self._call("EvaluateQuery", service.EvaluateQueryRequest(
                prepared_query_id=state.prepared_query_id), service.EvaluateQueryResponse)
        finally:
            self._call("UnprepareQuery", service.UnprepareQueryRequest(prepared_query_id=state.prepared_query_id), None)
        columns, flat = columns_of(state.columns, query.is_value_table)
        rows = [[Value(kind).read(cell) for (_, kind), cell in zip(columns, flat(row.cell))] for row in result.content.table_data.row]
        return Answer([(name, type_name(kind)) for name, kind in columns], rows, is_ordered(query.query))

    def _module(self, cache):
        """Compiling takes half a minute; the compiled code is kept for the next run."""
        kept = os.path.join(cache, "zetasql.cwasm")
        if os.path.exists(kept):
            try:
                return wasmtime.Module.deserialize_file(self.engine, kept)
            except wasmtime.WasmtimeError:
                pass  # made by another version of wasmtime: compiled anew
        module = wasmtime.Module.from_file(self.engine, get_wasm_path())
        with open(kept, "wb") as file:
            file.write(module.serialize())
        return module

    def _start(self):
        wasi = wasmtime.WasiConfig()
        wasi.preopen_dir(os.path.join(os.path.dirname(tzdata.__file__), "zoneinfo"), "/usr/share/zoneinfo")
        self.store = wasmtime.Store(self.engine)
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(self.engine)
        linker.define_wasi()
        self.exports = linker.instantiate(self.store, self.module).exports(self.store)
        self.memory = self.exports["memory"]
        if "_initialize" in self.exports:
            self.exports["_initialize"](self.store)
        self._configure()

    def _configure(self):
        language = self._call("GetLanguageOptions", service.LanguageOptionsRequest(maximum_features=True), options.LanguageOptionsProto)
        off = {public.LanguageFeature.Value(f"FEATURE_{name}") for name in NOT_IN_BIGQUERY}
        on = [feature for feature in language.enabled_language_features if feature not in off]
        del language.enabled_language_features[:]
        language.enabled_language_features.extend(on)
        language.product_mode = public.PRODUCT_EXTERNAL
        language.reserved_keywords.extend(["QUALIFY", "MATCH_RECOGNIZE"])
        self.options = options.AnalyzerOptionsProto(language_options=language, default_timezone="UTC", prune_unused_columns=False)
        request = service.RegisterCatalogRequest()
        request.simple_catalog.name = "catalog"
        request.simple_catalog.builtin_function_options.language_options.CopyFrom(language)
        request.simple_catalog.builtin_function_options.exclude_function_ids.extend(
            number for name, number in builtin.FunctionSignatureId.items()
            if any(name == f"FN_{word}" or name.startswith(f"FN_{word}_") for word in FUNCTIONS_NOT_IN_BIGQUERY))
        self.catalog = self._call("RegisterCatalog", request, service.RegisterResponse).registered_id

    def _call(self, method, request, response):
        data = request.SerializeToString()
        place = self.exports["wasm_malloc"](self.store, len(data))
        size = self.exports["wasm_malloc"](self.store, 4)
        try:
            ctypes.memmove(self._address(place), data, len(data))
            found = self.exports[f"ZetaSqlLocalService_{method}"](self.store, place, len(data), size)
            if not found:
                message = self._error()
                raise (Refused if message.startswith(USERS_MISTAKES) else Broken)(message)
            length = int.from_bytes(self._read(size, 4), "little")
            answer = self._read(found, length)
            self.exports["wasm_free"](self.store, found)
        finally:
            self.exports["wasm_free"](self.store, place)
            self.exports["wasm_free"](self.store, size)
        return response.FromString(answer) if response else None

    def _address(self, place):
        return ctypes.addressof(self.memory.data_ptr().contents) + place

    def _read(self, place, length):
        return ctypes.string_at(self._address(place), length)

    def _error(self):
        length = self.exports["wasm_get_last_error_size"](self.store)
        start = self.exports["wasm_get_last_error"](self.store)
        return self._read(start, length).decode()


def is_ordered(scan):
    """Whether the rows of a resolved query come in a defined order. The flag lies in the innermost parent of the scan's message."""
    node = scan
    while not hasattr(node, "is_ordered"):
        node = node.parent if hasattr(node, "parent") else getattr(node, node.WhichOneof("node"))
    return node.is_ordered
