"""Types and values of the reference implementation in the words and the JSON of a fixture. Pure: no I/O."""

import base64
import math
from datetime import date, datetime, timedelta

from zetasql.wasi._pb2.zetasql.public import type_pb2 as types

SCALAR = {
    types.TYPE_INT64: "INT64", types.TYPE_BOOL: "BOOL", types.TYPE_DOUBLE: "FLOAT64", types.TYPE_STRING: "STRING",
    types.TYPE_BYTES: "BYTES", types.TYPE_DATE: "DATE", types.TYPE_TIMESTAMP: "TIMESTAMP", types.TYPE_TIME: "TIME",
    types.TYPE_DATETIME: "DATETIME", types.TYPE_NUMERIC: "NUMERIC", types.TYPE_BIGNUMERIC: "BIGNUMERIC",
    types.TYPE_JSON: "JSON", types.TYPE_INTERVAL: "INTERVAL", types.TYPE_GEOGRAPHY: "GEOGRAPHY",
}


class Unfit(Exception):
    """A result that a fixture cannot hold, because BigQuery would not give it like this."""


def type_name(kind):
    if kind.type_kind == types.TYPE_ARRAY:
        return f"ARRAY<{type_name(kind.array_type.element_type)}>"
    if kind.type_kind == types.TYPE_STRUCT:
        fields = (f"{field.field_name} {type_name(field.field_type)}".strip() for field in kind.struct_type.field)
        return f"STRUCT<{', '.join(fields)}>"
    if kind.type_kind == types.TYPE_RANGE:
        return f"RANGE<{type_name(kind.range_type.element_type)}>"
    if kind.type_kind not in SCALAR:
        raise Unfit(f"a type that BigQuery lacks: {types.TypeKind.Name(kind.type_kind)}")
    return SCALAR[kind.type_kind]


def columns_of(columns, is_value_table):
    """The columns and how to take their cells from a row. BigQuery spreads the fields of SELECT AS STRUCT over columns."""
    if is_value_table and len(columns) == 1 and columns[0].type.type_kind == types.TYPE_STRUCT:
        fields = [(named(field.field_name), field.field_type) for field in columns[0].type.struct_type.field]
        return fields, lambda cells: cells[0].struct_value.field
    return [(named(column.name), column.type) for column in columns], lambda cells: cells


def named(name):
    return "_" if not name or name.startswith("$") else name


class Value:
    def __init__(self, kind):
        self.kind = kind

    def read(self, value, inside_array=False):
        kind = self.kind.type_kind
        found = value.WhichOneof("value")
        if found is None:
            if inside_array:
                raise Unfit("an ARRAY with a NULL element: BigQuery refuses to return it")
            if kind == types.TYPE_ARRAY:
                raise Unfit("a NULL ARRAY: BigQuery returns it as an empty one, so ask IS NULL")
            return None
        if kind == types.TYPE_ARRAY:
            inner = Value(self.kind.array_type.element_type)
            return [inner.read(item, True) for item in value.array_value.element]
        if kind == types.TYPE_STRUCT:
            return [Value(field.field_type).read(item) for field, item in zip(self.kind.struct_type.field, value.struct_value.field)]
        if kind == types.TYPE_RANGE:
            inner = Value(self.kind.range_type.element_type)
            start, end = inner.read(value.range_value.start), inner.read(value.range_value.end)
            return f"[{start or 'UNBOUNDED'}, {end or 'UNBOUNDED'})"
        return READERS[kind](getattr(value, found))


def read_float(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def read_decimal(scale):
    def read(data):
        number = int.from_bytes(data, "little", signed=True)
        whole, part = divmod(abs(number), 10**scale)
        text = f"{whole}.{part:0{scale}d}".rstrip("0").rstrip(".")
        return f"-{text}" if number < 0 else text
    return read


def fraction(micros):
    return f".{micros:06d}" if micros else ""


def read_time(packed):
    """Hour, minute, second and nanoseconds lie in one number: 5, 6, 6 and 30 bits."""
    seconds, nanos = packed >> 30, packed & (1 << 30) - 1
    return f"{seconds >> 12:02d}:{seconds >> 6 & 63:02d}:{seconds & 63:02d}{fraction(nanos // 1000)}"


def read_datetime(value):
    bits = value.bit_field_datetime_seconds
    day = f"{bits >> 26:04d}-{bits >> 22 & 15:02d}-{bits >> 17 & 31:02d}"
    return f"{day}T{bits >> 12 & 31:02d}:{bits >> 6 & 63:02d}:{bits & 63:02d}{fraction(value.nanos // 1000)}"


def read_timestamp(value):
    moment = datetime(1970, 1, 1) + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    clock = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}{fraction(moment.microsecond)}"
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{clock}Z"


def read_interval(data):
    """Microseconds, days, and a word with months from bit 13, their sign in bit 31, nanoseconds in the low 10 bits."""
    micros = int.from_bytes(data[:8], "little", signed=True)
    days = int.from_bytes(data[8:12], "little", signed=True)
    word = int.from_bytes(data[12:16], "little")
    months = (word & ~(1 << 31)) >> 13
    if word & 1023:
        raise Unfit("an INTERVAL of nanoseconds: BigQuery has microseconds")
    sign = "-" if word >> 31 else ""
    hours, rest = divmod(abs(micros), 3600 * 10**6)
    minutes, rest = divmod(rest, 60 * 10**6)
    seconds, part = divmod(rest, 10**6)
    minus = "-" if micros < 0 else ""
    return f"{sign}{months // 12}-{months % 12} {days} {minus}{hours}:{minutes}:{seconds}{fraction(part)}"


READERS = {
    types.TYPE_INT64: int, types.TYPE_BOOL: bool, types.TYPE_DOUBLE: read_float, types.TYPE_STRING: str,
    types.TYPE_BYTES: lambda data: base64.b64encode(data).decode(),
    types.TYPE_DATE: lambda days: (date(1970, 1, 1) + timedelta(days=days)).isoformat(),
    types.TYPE_TIMESTAMP: read_timestamp, types.TYPE_TIME: read_time, types.TYPE_DATETIME: read_datetime,
    types.TYPE_NUMERIC: read_decimal(9), types.TYPE_BIGNUMERIC: read_decimal(38),
    types.TYPE_JSON: str, types.TYPE_INTERVAL: read_interval,
}
