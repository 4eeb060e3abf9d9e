// libzip's functions, for a program that is not linked with it (Loader.h): those that Zip calls.
#ifdef __linux__
#include "Loader.h"
#include "shim.h"

// Debian's, and everybody else's.
static loader_library library = {.names = {"libzip.so.4", "libzip.so.5"}};

#define FORWARD(result, name, parameters, arguments) LOADER_FORWARD(&library, result, name, parameters, arguments)

FORWARD(zip_t *, zip_open, (const char *path, int flags, int *error), (path, flags, error))
FORWARD(int, zip_close, (zip_t *archive), (archive))
FORWARD(void, zip_discard, (zip_t *archive), (archive))
FORWARD(zip_int64_t, zip_get_num_entries, (zip_t *archive, zip_flags_t flags), (archive, flags))
FORWARD(int, zip_stat_index, (zip_t *archive, zip_uint64_t index, zip_flags_t flags, zip_stat_t *found),
        (archive, index, flags, found))
FORWARD(void, zip_stat_init, (zip_stat_t *made), (made))

FORWARD(zip_file_t *, zip_fopen_index, (zip_t *archive, zip_uint64_t index, zip_flags_t flags),
        (archive, index, flags))
FORWARD(int, zip_fclose, (zip_file_t *file), (file))
FORWARD(zip_int64_t, zip_fread, (zip_file_t *file, void *bytes, zip_uint64_t count), (file, bytes, count))
FORWARD(zip_int8_t, zip_fseek, (zip_file_t *file, zip_int64_t offset, int origin), (file, offset, origin))

FORWARD(zip_int64_t, zip_dir_add, (zip_t *archive, const char *name, zip_flags_t flags), (archive, name, flags))
FORWARD(zip_int64_t, zip_file_add, (zip_t *archive, const char *name, zip_source_t *source, zip_flags_t flags),
        (archive, name, source, flags))
FORWARD(int, zip_file_set_dostime,
        (zip_t *archive, zip_uint64_t index, zip_uint16_t time, zip_uint16_t date, zip_flags_t flags),
        (archive, index, time, date, flags))
FORWARD(int, zip_set_file_compression,
        (zip_t *archive, zip_uint64_t index, zip_int32_t method, zip_uint32_t flags),
        (archive, index, method, flags))
FORWARD(zip_source_t *, zip_source_function, (zip_t *archive, zip_source_callback body, void *context),
        (archive, body, context))
FORWARD(void, zip_source_free, (zip_source_t *source), (source))

FORWARD(zip_error_t *, zip_get_error, (zip_t *archive), (archive))
FORWARD(zip_error_t *, zip_file_get_error, (zip_file_t *file), (file))
FORWARD(void, zip_error_init_with_code, (zip_error_t *error, int code), (error, code))
FORWARD(void, zip_error_fini, (zip_error_t *error), (error))
FORWARD(int, zip_error_code_system, (const zip_error_t *error), (error))
FORWARD(int, zip_error_code_zip, (const zip_error_t *error), (error))
FORWARD(const char *, zip_error_strerror, (zip_error_t *error), (error))
FORWARD(const char *, zip_file_strerror, (zip_file_t *file), (file))
FORWARD(const char *, zip_strerror, (zip_t *archive), (archive))
#endif
