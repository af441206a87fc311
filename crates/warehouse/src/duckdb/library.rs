//! Opens libduckdb when the first database is opened, so that commands without a database start in a millisecond.
//!
//! The `duckdb` crate is built with its indirect (extension) calling convention: every C function goes through a
//! table that is filled here from the shared library. With the cargo feature `bundled` there is nothing to do.

use crate::DbError;

/// The DuckDB whose C interface this program was written for.
pub const VERSION: &str = "v1.5.6";

#[cfg(not(feature = "dynamic"))]
pub fn load() -> Result<(), DbError> {
    Ok(())
}

#[cfg(feature = "dynamic")]
pub use dynamic::load;

#[cfg(feature = "dynamic")]
mod dynamic {
    use super::{DbError, VERSION};
    use duckdb::ffi;
    use rsdbt_sys as sys;
    use std::os::raw::{c_char, c_void};
    use std::path::PathBuf;
    use std::sync::OnceLock;

    #[cfg(target_os = "macos")]
    const FILE: &str = "libduckdb.dylib";
    #[cfg(target_os = "windows")]
    const FILE: &str = "duckdb.dll";
    #[cfg(not(any(target_os = "macos", target_os = "windows")))]
    const FILE: &str = "libduckdb.so";

    /// The filled table; its address is what the crate asks for.
    struct Table(ffi::duckdb_ext_api_v1);
    // Function pointers of a library that is never unloaded.
    unsafe impl Send for Table {}
    unsafe impl Sync for Table {}

    static TABLE: OnceLock<Result<Table, String>> = OnceLock::new();
    static READY: OnceLock<Result<(), String>> = OnceLock::new();

    /// Loads the library once per process. Errors name every place that was looked at.
    pub fn load() -> Result<(), DbError> {
        let done = READY.get_or_init(|| {
            if sys::env_var("RSDBT_TRACE_LIBRARY").is_some() {
                eprintln!("libduckdb loaded");
            }
            if let Err(why) = TABLE.get_or_init(open) {
                return Err(why.clone());
            }
            let access = ffi::duckdb_extension_access { set_error: None, get_database: None, get_api: Some(get_api) };
            // SAFETY: `get_api` gives a table of the layout this version of the crate was generated for.
            match unsafe { ffi::duckdb_rs_extension_api_init(std::ptr::null_mut(), &access, VERSION) } {
                Ok(true) => Ok(()),
                Ok(false) => Err("libduckdb was found but its functions could not be bound".to_owned()),
                Err(why) => Err(why.to_owned()),
            }
        });
        done.clone().map_err(DbError::library)
    }

    unsafe extern "C" fn get_api(_: ffi::duckdb_extension_info, _: *const c_char) -> *const c_void {
        match TABLE.get() {
            Some(Ok(table)) => (&raw const table.0).cast(),
            _ => std::ptr::null(),
        }
    }

    fn candidates() -> Vec<PathBuf> {
        let mut places = Vec::new();
        places.extend(sys::env_var("RSDBT_LIBDUCKDB").map(PathBuf::from));
        if let Some(folder) = sys::executable_folder() {
            places.push(folder.join(FILE));
            places.push(folder.join("..").join(FILE));
            places.push(folder.join("../lib/rsdbt").join(FILE));
            // `target/libduckdb`, beside `target/debug`.
            places.push(folder.join("../libduckdb").join(FILE));
        }
        // Cargo says so to what it runs (`.cargo/config.toml`). No path is remembered from the time of the build.
        places.extend(sys::env_var("RSDBT_LIB_DIR").map(|folder| PathBuf::from(folder).join(FILE)));
        places.push(PathBuf::from(FILE));
        places
    }

    fn open() -> Result<Table, String> {
        let places = candidates();
        // SAFETY: loading libduckdb runs only its own initialisers.
        let library = places.iter().find_map(|place| unsafe { libloading::Library::new(place) }.ok());
        let Some(library) = library else {
            let list: Vec<String> = places.iter().map(|place| format!("  {}", place.display())).collect();
            return Err(format!(
                "libduckdb could not be loaded; looked for it at\n{}\nhelp: `make lib` fetches it, or point RSDBT_LIBDUCKDB at a libduckdb 1.5",
                list.join("\n")
            ));
        };
        let library = Box::leak(Box::new(library));
        // SAFETY: a null function pointer is what `None` looks like in this table of `Option<fn>`.
        let mut api: ffi::duckdb_ext_api_v1 = unsafe { std::mem::zeroed() };
        fill(library, &mut api).map(|()| Table(api))
    }

    macro_rules! bind {
        ($($name:ident),* $(,)?) => {
            fn fill(library: &'static libloading::Library, api: &mut ffi::duckdb_ext_api_v1) -> Result<(), String> {
                $(
                    // SAFETY: the header that generated the table declares the symbol with this very signature.
                    let symbol = unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) };
                    api.$name = match symbol {
                        Ok(symbol) => Some(*symbol),
                        Err(_) => return Err(format!("this libduckdb has no {}; version 1.5.5 or 1.5.6 is needed", stringify!($name))),
                    };
                )*
                Ok(())
            }
        };
    }

    #[rustfmt::skip]
    bind! {
        duckdb_add_scalar_function_to_set, duckdb_append_blob, duckdb_append_bool,
        duckdb_append_data_chunk, duckdb_append_date, duckdb_append_double, duckdb_append_float,
        duckdb_append_hugeint, duckdb_append_int16, duckdb_append_int32, duckdb_append_int64,
        duckdb_append_int8, duckdb_append_interval, duckdb_append_null, duckdb_append_time,
        duckdb_append_timestamp, duckdb_append_uhugeint, duckdb_append_uint16, duckdb_append_uint32,
        duckdb_append_uint64, duckdb_append_uint8, duckdb_append_value, duckdb_append_varchar_length,
        duckdb_appender_add_column, duckdb_appender_clear_columns, duckdb_appender_create,
        duckdb_appender_create_ext, duckdb_appender_destroy, duckdb_appender_end_row,
        duckdb_appender_error, duckdb_appender_error_data, duckdb_appender_flush,
        duckdb_array_type_array_size, duckdb_array_type_child_type, duckdb_array_vector_get_child,
        duckdb_bind_add_result_column, duckdb_bind_blob, duckdb_bind_boolean, duckdb_bind_date,
        duckdb_bind_decimal, duckdb_bind_double, duckdb_bind_float, duckdb_bind_get_extra_info,
        duckdb_bind_get_named_parameter, duckdb_bind_get_parameter, duckdb_bind_get_parameter_count,
        duckdb_bind_hugeint, duckdb_bind_int16, duckdb_bind_int32, duckdb_bind_int64,
        duckdb_bind_int8, duckdb_bind_interval, duckdb_bind_null, duckdb_bind_set_bind_data,
        duckdb_bind_set_cardinality, duckdb_bind_set_error, duckdb_bind_time, duckdb_bind_timestamp,
        duckdb_bind_uhugeint, duckdb_bind_uint16, duckdb_bind_uint32, duckdb_bind_uint64,
        duckdb_bind_uint8, duckdb_bind_varchar_length, duckdb_clear_bindings, duckdb_close,
        duckdb_column_count, duckdb_column_logical_type, duckdb_column_name, duckdb_connect,
        duckdb_create_array_type, duckdb_create_bool, duckdb_create_config, duckdb_create_data_chunk,
        duckdb_create_decimal, duckdb_create_decimal_type, duckdb_create_double,
        duckdb_create_error_data, duckdb_create_float, duckdb_create_int16, duckdb_create_int32,
        duckdb_create_int64, duckdb_create_int8, duckdb_create_list_type, duckdb_create_list_value,
        duckdb_create_logical_type, duckdb_create_map_type, duckdb_create_null_value,
        duckdb_create_scalar_function, duckdb_create_scalar_function_set, duckdb_create_struct_type,
        duckdb_create_table_function, duckdb_create_uint16, duckdb_create_uint32,
        duckdb_create_uint64, duckdb_create_uint8, duckdb_create_union_type, duckdb_create_varchar,
        duckdb_data_chunk_from_arrow, duckdb_data_chunk_get_column_count, duckdb_data_chunk_get_size,
        duckdb_data_chunk_get_vector, duckdb_data_chunk_set_size, duckdb_data_chunk_to_arrow,
        duckdb_decimal_scale, duckdb_decimal_width, duckdb_destroy_arrow_converted_schema,
        duckdb_destroy_arrow_options, duckdb_destroy_config, duckdb_destroy_data_chunk,
        duckdb_destroy_error_data, duckdb_destroy_extracted, duckdb_destroy_logical_type,
        duckdb_destroy_prepare, duckdb_destroy_result, duckdb_destroy_scalar_function,
        duckdb_destroy_scalar_function_set, duckdb_destroy_table_function, duckdb_destroy_value,
        duckdb_disconnect, duckdb_error_data_error_type, duckdb_error_data_has_error,
        duckdb_error_data_message, duckdb_execute_prepared, duckdb_execute_prepared_streaming,
        duckdb_extract_statements, duckdb_extract_statements_error, duckdb_fetch_chunk, duckdb_free,
        duckdb_function_get_bind_data, duckdb_function_get_extra_info, duckdb_function_get_init_data,
        duckdb_function_get_local_init_data, duckdb_function_set_error, duckdb_geometry_type_get_crs,
        duckdb_get_bool, duckdb_get_double, duckdb_get_float, duckdb_get_int16, duckdb_get_int32,
        duckdb_get_int64, duckdb_get_int8, duckdb_get_list_child, duckdb_get_list_size,
        duckdb_get_map_key, duckdb_get_map_size, duckdb_get_map_value, duckdb_get_profiling_info,
        duckdb_get_type_id, duckdb_get_uint16, duckdb_get_uint32, duckdb_get_uint64, duckdb_get_uint8,
        duckdb_get_value_type, duckdb_get_varchar, duckdb_init_get_bind_data,
        duckdb_init_get_column_count, duckdb_init_get_column_index, duckdb_init_get_extra_info,
        duckdb_init_set_error, duckdb_init_set_init_data, duckdb_init_set_max_threads,
        duckdb_interrupt, duckdb_is_null_value, duckdb_library_version, duckdb_list_type_child_type,
        duckdb_list_vector_get_child, duckdb_list_vector_get_size, duckdb_list_vector_reserve,
        duckdb_list_vector_set_size, duckdb_logical_type_get_alias, duckdb_logical_type_set_alias,
        duckdb_map_type_key_type, duckdb_map_type_value_type, duckdb_nparams, duckdb_open,
        duckdb_open_ext, duckdb_parameter_name, duckdb_prepare, duckdb_prepare_error,
        duckdb_prepare_extracted_statement, duckdb_prepared_statement_column_count,
        duckdb_prepared_statement_column_logical_type, duckdb_prepared_statement_type,
        duckdb_profiling_info_get_child, duckdb_profiling_info_get_child_count,
        duckdb_profiling_info_get_metrics, duckdb_query, duckdb_query_progress,
        duckdb_register_scalar_function_set, duckdb_register_table_function, duckdb_result_error,
        duckdb_result_error_type, duckdb_result_get_arrow_options, duckdb_row_count,
        duckdb_rows_changed, duckdb_scalar_function_add_parameter,
        duckdb_scalar_function_get_extra_info, duckdb_scalar_function_set_error,
        duckdb_scalar_function_set_extra_info, duckdb_scalar_function_set_function,
        duckdb_scalar_function_set_name, duckdb_scalar_function_set_return_type,
        duckdb_scalar_function_set_varargs, duckdb_scalar_function_set_volatile,
        duckdb_schema_from_arrow, duckdb_set_config, duckdb_string_t_data, duckdb_string_t_length,
        duckdb_struct_type_child_count, duckdb_struct_type_child_name, duckdb_struct_type_child_type,
        duckdb_struct_vector_get_child, duckdb_table_function_add_named_parameter,
        duckdb_table_function_add_parameter, duckdb_table_function_set_bind,
        duckdb_table_function_set_extra_info, duckdb_table_function_set_function,
        duckdb_table_function_set_init, duckdb_table_function_set_local_init,
        duckdb_table_function_set_name, duckdb_table_function_supports_projection_pushdown,
        duckdb_to_arrow_schema, duckdb_union_type_member_count, duckdb_union_type_member_name,
        duckdb_union_type_member_type, duckdb_validity_row_is_valid, duckdb_validity_set_row_invalid,
        duckdb_value_int32, duckdb_vector_assign_string_element,
        duckdb_vector_assign_string_element_len, duckdb_vector_ensure_validity_writable,
        duckdb_vector_get_column_type, duckdb_vector_get_data, duckdb_vector_get_validity,
        duckdb_vector_size,
    }
}
