//! Strings and bytes.

use super::super::call::{Sig, Special, f};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed};
use crate::SqlError;
use crate::ast::{Call, Kind};
use crate::types::Type;

pub(super) const TABLE: &[Sig] = &[
    f("LENGTH", "s", "i", "length($1)"),
    f("LENGTH", "y", "i", "octet_length($1)"),
    f("CHAR_LENGTH", "s", "i", "length($1)"),
    f("CHARACTER_LENGTH", "s", "i", "length($1)"),
    f("BYTE_LENGTH", "s", "i", "strlen($1)"),
    f("BYTE_LENGTH", "y", "i", "octet_length($1)"),
    f("OCTET_LENGTH", "s", "i", "strlen($1)"),
    f("OCTET_LENGTH", "y", "i", "octet_length($1)"),
    f("UPPER", "s", "s", "bq_upper($1)"),
    f("UPPER", "y", "y", "bq_bytes_upper($1)"),
    f("LOWER", "s", "s", "bq_lower($1)"),
    f("LOWER", "y", "y", "bq_bytes_lower($1)"),
    f("INITCAP", "s", "s", "bq_initcap($1)"),
    f("INITCAP", "ss", "s", "bq_initcap($1, $2)"),
    f("TRIM", "s", "s", "bq_trim($1, 'both')"),
    f("LTRIM", "s", "s", "bq_trim($1, 'left')"),
    f("RTRIM", "s", "s", "bq_trim($1, 'right')"),
    f("TRIM", "ss", "s", "bq_trim_chars($1, $2, 'both')"),
    f("LTRIM", "ss", "s", "bq_trim_chars($1, $2, 'left')"),
    f("RTRIM", "ss", "s", "bq_trim_chars($1, $2, 'right')"),
    f("TRIM", "yy", "y", "bq_bytes_trim($1, $2, 'both')"),
    f("LTRIM", "yy", "y", "bq_bytes_trim($1, $2, 'left')"),
    f("RTRIM", "yy", "y", "bq_bytes_trim($1, $2, 'right')"),
    f("SUBSTR", "si", "s", "bq_substr($1, $2, 9223372036854775807)"),
    f("SUBSTR", "sii", "s", "bq_substr($1, $2, $3)"),
    f("SUBSTR", "yi", "y", "bq_bytes_substr($1, $2, 9223372036854775807)"),
    f("SUBSTR", "yii", "y", "bq_bytes_substr($1, $2, $3)"),
    f("SUBSTRING", "si", "s", "bq_substr($1, $2, 9223372036854775807)"),
    f("SUBSTRING", "sii", "s", "bq_substr($1, $2, $3)"),
    f("SUBSTRING", "yi", "y", "bq_bytes_substr($1, $2, 9223372036854775807)"),
    f("SUBSTRING", "yii", "y", "bq_bytes_substr($1, $2, $3)"),
    f("LEFT", "si", "s", "bq_left($1, $2)"),
    f("LEFT", "yi", "y", "bq_bytes_left($1, $2)"),
    f("RIGHT", "si", "s", "bq_right($1, $2)"),
    f("RIGHT", "yi", "y", "bq_bytes_right($1, $2)"),
    f("LPAD", "si", "s", "bq_pad($1, $2, ' ', 'left')"),
    f("LPAD", "sis", "s", "bq_pad($1, $2, $3, 'left')"),
    f("RPAD", "si", "s", "bq_pad($1, $2, ' ', 'right')"),
    f("RPAD", "sis", "s", "bq_pad($1, $2, $3, 'right')"),
    f("LPAD", "yi", "y", "bq_bytes_pad($1, $2, from_hex('20'), 'left')"),
    f("LPAD", "yiy", "y", "bq_bytes_pad($1, $2, $3, 'left')"),
    f("RPAD", "yi", "y", "bq_bytes_pad($1, $2, from_hex('20'), 'right')"),
    f("RPAD", "yiy", "y", "bq_bytes_pad($1, $2, $3, 'right')"),
    f("REPEAT", "si", "s", "bq_repeat($1, $2)"),
    f("REPEAT", "yi", "y", "bq_bytes_repeat($1, $2)"),
    f("REVERSE", "s", "s", "bq_reverse($1)"),
    f("REVERSE", "y", "y", "bq_bytes_reverse($1)"),
    f("REPLACE", "sss", "s", "replace($1, $2, $3)"),
    f("REPLACE", "yyy", "y", "bq_bytes_replace($1, $2, $3)"),
    f("TRANSLATE", "sss", "s", "bq_translate($1, $2, $3)"),
    f("STARTS_WITH", "ss", "b", "starts_with($1, $2)"),
    f("STARTS_WITH", "yy", "b", "bq_bytes_starts_with($1, $2)"),
    f("ENDS_WITH", "ss", "b", "suffix($1, $2)"),
    f("ENDS_WITH", "yy", "b", "bq_bytes_ends_with($1, $2)"),
    f("STRPOS", "ss", "i", "bq_instr($1, $2, 1, 1)"),
    f("STRPOS", "yy", "i", "bq_bytes_instr($1, $2, 1, 1)"),
    f("INSTR", "ss", "i", "bq_instr($1, $2, 1, 1)"),
    f("INSTR", "ssi", "i", "bq_instr($1, $2, $3, 1)"),
    f("INSTR", "ssii", "i", "bq_instr($1, $2, $3, $4)"),
    f("INSTR", "yy", "i", "bq_bytes_instr($1, $2, 1, 1)"),
    f("INSTR", "yyi", "i", "bq_bytes_instr($1, $2, $3, 1)"),
    f("INSTR", "yyii", "i", "bq_bytes_instr($1, $2, $3, $4)"),
    f("SPLIT", "s", "[s", "bq_split($1, ',')"),
    f("SPLIT", "ss", "[s", "bq_split($1, $2)"),
    f("SPLIT", "yy", "[y", "bq_bytes_split($1, $2)"),
    f("ASCII", "s", "i", "bq_ascii($1)"),
    f("ASCII", "y", "i", "bq_bytes_ascii($1)"),
    f("UNICODE", "s", "i", "bq_unicode($1)"),
    f("CHR", "i", "s", "bq_chr($1)"),
    f("SOUNDEX", "s", "s", "bq_soundex($1)"),
    f("EDIT_DISTANCE", "ss", "i", "levenshtein($1, $2)"),
    f("REGEXP_CONTAINS", "ss", "b", "bq_regexp_contains($1, $2)"),
    f("REGEXP_CONTAINS", "yy", "b", "bq_regexp_contains($1, $2)"),
    f("REGEXP_EXTRACT", "ss", "s", "bq_regexp_extract($1, $2, 1, 1)"),
    f("REGEXP_EXTRACT", "ssi", "s", "bq_regexp_extract($1, $2, $3, 1)"),
    f("REGEXP_EXTRACT", "ssii", "s", "bq_regexp_extract($1, $2, $3, $4)"),
    f("REGEXP_EXTRACT", "yy", "y", "bq_regexp_extract($1, $2, 1, 1)"),
    f("REGEXP_EXTRACT", "yyi", "y", "bq_regexp_extract($1, $2, $3, 1)"),
    f("REGEXP_EXTRACT", "yyii", "y", "bq_regexp_extract($1, $2, $3, $4)"),
    f("REGEXP_SUBSTR", "ss", "s", "bq_regexp_extract($1, $2, 1, 1)"),
    f("REGEXP_SUBSTR", "ssi", "s", "bq_regexp_extract($1, $2, $3, 1)"),
    f("REGEXP_SUBSTR", "ssii", "s", "bq_regexp_extract($1, $2, $3, $4)"),
    f("REGEXP_SUBSTR", "yy", "y", "bq_regexp_extract($1, $2, 1, 1)"),
    f("REGEXP_EXTRACT_ALL", "ss", "[s", "bq_regexp_extract_all($1, $2)"),
    f("REGEXP_EXTRACT_ALL", "yy", "[y", "bq_regexp_extract_all($1, $2)"),
    f("REGEXP_REPLACE", "sss", "s", "bq_regexp_replace($1, $2, $3)"),
    f("REGEXP_REPLACE", "yyy", "y", "bq_regexp_replace($1, $2, $3)"),
    f("REGEXP_INSTR", "ss", "i", "bq_regexp_instr($1, $2, 1, 1, 0)"),
    f("REGEXP_INSTR", "ssi", "i", "bq_regexp_instr($1, $2, $3, 1, 0)"),
    f("REGEXP_INSTR", "ssii", "i", "bq_regexp_instr($1, $2, $3, $4, 0)"),
    f("REGEXP_INSTR", "ssiii", "i", "bq_regexp_instr($1, $2, $3, $4, $5)"),
    f("REGEXP_INSTR", "yy", "i", "bq_regexp_instr($1, $2, 1, 1, 0)"),
    f("REGEXP_INSTR", "yyi", "i", "bq_regexp_instr($1, $2, $3, 1, 0)"),
    f("REGEXP_INSTR", "yyii", "i", "bq_regexp_instr($1, $2, $3, $4, 0)"),
    f("REGEXP_INSTR", "yyiii", "i", "bq_regexp_instr($1, $2, $3, $4, $5)"),
    f("TO_HEX", "y", "s", "lower(hex($1))"),
    f("FROM_HEX", "s", "y", "bq_from_hex($1)"),
    f("TO_BASE64", "y", "s", "base64($1)"),
    f("FROM_BASE64", "s", "y", "bq_from_base64($1)"),
    f("TO_BASE32", "y", "s", "bq_to_base32($1)"),
    f("FROM_BASE32", "s", "y", "bq_from_base32($1)"),
    f("TO_CODE_POINTS", "s", "[i", "bq_code_points($1)"),
    f("TO_CODE_POINTS", "y", "[i", "bq_code_points($1)"),
    f("CODE_POINTS_TO_STRING", "[i", "s", "bq_code_points_text($1)"),
    f("CODE_POINTS_TO_BYTES", "[i", "y", "bq_code_points_bytes($1)"),
    f("SAFE_CONVERT_BYTES_TO_STRING", "y", "s", "bq_safe_bytes_text($1)"),
];

pub(super) const SPECIAL: &[(&str, Special)] =
    &[("CONCAT", concat), ("NORMALIZE", normalize), ("NORMALIZE_AND_CASEFOLD", normalize), ("COLLATE", collate)];

fn concat(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let values = t.exprs(&call.args, scope)?;
    if values.is_empty() {
        return Err(SqlError::semantic("CONCAT needs at least one argument", call.at));
    }
    let bytes = values.iter().any(|v| v.ty == Type::Bytes);
    let mut parts = Vec::new();
    for value in &values {
        let sql = match (&value.ty, bytes) {
            (Type::String | Type::Null, false) => t.convert(value, &Type::String),
            (Type::Bytes | Type::Null, true) => t.convert(value, &Type::Bytes),
            (ty, false)
                if ty.is_number()
                    || matches!(ty, Type::Bool | Type::Date | Type::DateTime | Type::Timestamp | Type::Time) =>
            {
                t.cast_value(value, &Type::String, call.at)?.sql
            }
            (ty, _) => {
                return Err(SqlError::semantic(
                    format!("No matching signature for function CONCAT: an argument is {ty}"),
                    call.at,
                ));
            }
        };
        parts.push(sql);
    }
    let ty = if bytes { Type::Bytes } else { Type::String };
    Ok(Typed::new(format!("({})", parts.join(" || ")), ty))
}

fn normalize(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let mode = match call.args.get(1).map(|a| &a.kind) {
        None => "NFC".to_owned(),
        Some(Kind::Name(name)) if ["NFC", "NFD", "NFKC", "NFKD"].contains(&name.text.to_uppercase().as_str()) => {
            name.text.to_uppercase()
        }
        Some(_) => return Err(SqlError::semantic("the normalization mode is NFC, NFD, NFKC or NFKD", call.at)),
    };
    let Some(first) = call.args.first() else {
        return Err(SqlError::semantic("NORMALIZE needs an argument", call.at));
    };
    let value = t.expr(first, scope)?;
    if !matches!(value.ty, Type::String | Type::Null) {
        return Err(SqlError::semantic(
            format!("No matching signature for function NORMALIZE for argument type {}", value.ty),
            call.at,
        ));
    }
    let fold = call.name.to_uppercase().contains("CASEFOLD");
    let name = if fold { "bq_normalize_casefold" } else { "bq_normalize" };
    Ok(Typed::new(format!("{name}({}, '{mode}')", t.convert(&value, &Type::String)), Type::String))
}

/// COLLATE(x, '') takes a collation away, which is what every value has here.
fn collate(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    match call.args.as_slice() {
        [value, spec] if matches!(&spec.kind, Kind::Text(s) if s.is_empty() || s == "binary") => t.expr(value, scope),
        _ => Err(SqlError::unsupported("COLLATE", call.at)),
    }
}
