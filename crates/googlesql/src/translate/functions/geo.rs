//! GEOGRAPHY: points and the text forms; what needs a spherical engine is refused.

use super::super::call::{Sig, f};

pub(super) const TABLE: &[Sig] = &[
    f("ST_GEOGPOINT", "ff", "g", "bq_geo_point($1, $2)"),
    f("ST_GEOGFROMTEXT", "s", "g", "bq_geo_parse($1)"),
    f("ST_ASTEXT", "g", "s", "($1).\"_wkt\""),
    f("ST_X", "g", "f", "bq_geo_x(($1).\"_wkt\")"),
    f("ST_Y", "g", "f", "bq_geo_y(($1).\"_wkt\")"),
    f("ST_DISTANCE", "gg", "f", "bq_geo_distance(($1).\"_wkt\", ($2).\"_wkt\")"),
    f("ST_DWITHIN", "ggf", "b", "(bq_geo_distance(($1).\"_wkt\", ($2).\"_wkt\") <= $3)"),
    f("ST_GEOMETRYTYPE", "g", "s", "bq_geo_type(($1).\"_wkt\")"),
    f("ST_NPOINTS", "g", "i", "bq_geo_count(($1).\"_wkt\")"),
    f("ST_NUMPOINTS", "g", "i", "bq_geo_count(($1).\"_wkt\")"),
    f("ST_ISEMPTY", "g", "b", "bq_geo_empty(($1).\"_wkt\")"),
    f("ST_LENGTH", "g", "f", "bq_geo_length(($1).\"_wkt\")"),
    f("ST_ISCOLLECTION", "g", "b", "bq_geo_is_collection(($1).\"_wkt\")"),
];
