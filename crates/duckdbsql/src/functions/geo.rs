//! GEOGRAPHY: points and the text forms; what needs a spherical engine is refused.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[
    scalar("ST_GEOGPOINT(FLOAT64, FLOAT64) -> GEOGRAPHY", "bq_geo_point($1, $2)"),
    scalar("ST_GEOGFROMTEXT(STRING) -> GEOGRAPHY", "bq_geo_parse($1)"),
    scalar("ST_ASTEXT(GEOGRAPHY) -> STRING", "($1).\"_wkt\""),
    scalar("ST_X(GEOGRAPHY) -> FLOAT64", "bq_geo_x(($1).\"_wkt\")"),
    scalar("ST_Y(GEOGRAPHY) -> FLOAT64", "bq_geo_y(($1).\"_wkt\")"),
    scalar("ST_DISTANCE(GEOGRAPHY, GEOGRAPHY) -> FLOAT64", "bq_geo_distance(($1).\"_wkt\", ($2).\"_wkt\")"),
    scalar(
        "ST_DWITHIN(GEOGRAPHY, GEOGRAPHY, FLOAT64) -> BOOL",
        "(bq_geo_distance(($1).\"_wkt\", ($2).\"_wkt\") <= $3)",
    ),
    scalar("ST_GEOMETRYTYPE(GEOGRAPHY) -> STRING", "bq_geo_type(($1).\"_wkt\")"),
    scalar("ST_NPOINTS(GEOGRAPHY) -> INT64", "bq_geo_count(($1).\"_wkt\")"),
    scalar("ST_NUMPOINTS(GEOGRAPHY) -> INT64", "bq_geo_count(($1).\"_wkt\")"),
    scalar("ST_ISEMPTY(GEOGRAPHY) -> BOOL", "bq_geo_empty(($1).\"_wkt\")"),
    scalar("ST_LENGTH(GEOGRAPHY) -> FLOAT64", "bq_geo_length(($1).\"_wkt\")"),
    scalar("ST_ISCOLLECTION(GEOGRAPHY) -> BOOL", "bq_geo_is_collection(($1).\"_wkt\")"),
];
