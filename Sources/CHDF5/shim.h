// The HDF5 headers, and one inline function for each thing in them that Swift cannot import.
#pragma once
// Later libraries keep the structures and functions of 1.10 under this name.
#define H5_USE_110_API
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

// Class ids, flags and types are macros that call into the library.

static inline unsigned chdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned chdf5_create_exclusively(void) { return H5F_ACC_EXCL; }
static inline int chdf5_close_strongly(void) { return (int)H5F_CLOSE_STRONG; }

static inline hid_t chdf5_file_creation(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_group_creation(void) { return H5P_GROUP_CREATE; }
static inline hid_t chdf5_dataset_creation(void) { return H5P_DATASET_CREATE; }
static inline hid_t chdf5_dataset_access(void) { return H5P_DATASET_ACCESS; }
static inline hid_t chdf5_link_creation(void) { return H5P_LINK_CREATE; }
static inline hid_t chdf5_transfer(void) { return H5P_DATASET_XFER; }

static inline hid_t chdf5_string(void) { return H5T_C_S1; }
static inline size_t chdf5_variable_length(void) { return H5T_VARIABLE; }
static inline hid_t chdf5_float(size_t size) {
  switch (size) {
  case 4: return H5T_IEEE_F32LE;
  case 8: return H5T_IEEE_F64LE;
  default: return -1;
  }
}
static inline hid_t chdf5_integer(size_t size, int is_signed) {
  switch (size) {
  case 1: return is_signed ? H5T_STD_I8LE : H5T_STD_U8LE;
  case 2: return is_signed ? H5T_STD_I16LE : H5T_STD_U16LE;
  case 4: return is_signed ? H5T_STD_I32LE : H5T_STD_U32LE;
  case 8: return is_signed ? H5T_STD_I64LE : H5T_STD_U64LE;
  default: return -1;
  }
}

static inline haddr_t chdf5_no_address(void) { return HADDR_UNDEF; }

// The functions below exist in several versions, whose structures differ.

enum { CHDF5_HARD = 0, CHDF5_SOFT = 1, CHDF5_EXTERNAL = 2, CHDF5_USER_DEFINED = 3 };
enum { CHDF5_GROUP = 0, CHDF5_DATASET = 1, CHDF5_OTHER = 2 };

// Returns zero to go on and anything else to stop.
typedef herr_t (*chdf5_link_visitor)(const char *name, int kind, void *context);
struct chdf5_link_visit { chdf5_link_visitor visit; void *context; };

static inline herr_t chdf5_visit_link(
    hid_t group, const char *name, const H5L_info_t *info, void *data) {
  (void)group;
  const struct chdf5_link_visit *visit = (const struct chdf5_link_visit *)data;
  int kind = info->type == H5L_TYPE_HARD ? CHDF5_HARD
           : info->type == H5L_TYPE_SOFT ? CHDF5_SOFT
           : info->type == H5L_TYPE_EXTERNAL ? CHDF5_EXTERNAL : CHDF5_USER_DEFINED;
  return visit->visit(name, kind, visit->context);
}

static inline herr_t chdf5_each_link(
    hid_t group, int by_creation, chdf5_link_visitor visit, void *context) {
  struct chdf5_link_visit data = {visit, context};
  hsize_t index = 0;
  return H5Literate(
      group, by_creation ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, &index,
      chdf5_visit_link, &data);
}

typedef herr_t (*chdf5_name_visitor)(const char *name, void *context);
struct chdf5_name_visit { chdf5_name_visitor visit; void *context; };

static inline herr_t chdf5_visit_attribute(
    hid_t object, const char *name, const H5A_info_t *info, void *data) {
  (void)object;
  (void)info;
  const struct chdf5_name_visit *visit = (const struct chdf5_name_visit *)data;
  return visit->visit(name, visit->context);
}

static inline herr_t chdf5_each_attribute(hid_t object, chdf5_name_visitor visit, void *context) {
  struct chdf5_name_visit data = {visit, context};
  hsize_t index = 0;
  return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &index, chdf5_visit_attribute, &data);
}

static inline herr_t chdf5_object_info(
    hid_t group, const char *name, int *kind, unsigned long long *address,
    unsigned long long *attributes) {
  H5O_info_t info;
  herr_t status = H5Oget_info_by_name(group, name, &info, H5P_DEFAULT);
  if (status < 0) return status;
  *kind = info.type == H5O_TYPE_GROUP ? CHDF5_GROUP
        : info.type == H5O_TYPE_DATASET ? CHDF5_DATASET : CHDF5_OTHER;
  *address = (unsigned long long)info.addr;
  *attributes = (unsigned long long)info.num_attrs;
  return 0;
}

// How many bytes an object's indexes and heaps take, apart from those of its attributes.
static inline herr_t chdf5_index_size(hid_t object, unsigned long long *size) {
  H5O_info_t info;
  herr_t status = H5Oget_info(object, &info);
  if (status < 0) return status;
  *size = (unsigned long long)info.meta_size.obj.index_size + info.meta_size.obj.heap_size;
  return 0;
}

// How many bytes the file's list of free space and its table of shared messages take.
static inline herr_t chdf5_bookkeeping_size(hid_t file, unsigned long long *size) {
  H5F_info2_t info;
  herr_t status = H5Fget_info2(file, &info);
  if (status < 0) return status;
  *size = (unsigned long long)info.free.meta_size + info.sohm.hdr_size
        + info.sohm.msgs_info.index_size + info.sohm.msgs_info.heap_size;
  return 0;
}

static inline herr_t chdf5_read_chunk(
    hid_t dataset, const hsize_t *offset, unsigned *mask, void *bytes) {
  uint32_t filters = 0;
  herr_t status = H5Dread_chunk(dataset, H5P_DEFAULT, offset, &filters, bytes);
  *mask = filters;
  return status;
}

// The library's explanation of a failure, outermost function first.

typedef void (*chdf5_frame_visitor)(const char *function, const char *message, void *context);
struct chdf5_frame_visit { chdf5_frame_visitor visit; void *context; };

static inline herr_t chdf5_visit_frame(unsigned n, const H5E_error2_t *frame, void *data) {
  (void)n;
  const struct chdf5_frame_visit *visit = (const struct chdf5_frame_visit *)data;
  visit->visit(frame->func_name ? frame->func_name : "", frame->desc ? frame->desc : "",
               visit->context);
  return 0;
}

static inline void chdf5_each_frame(chdf5_frame_visitor visit, void *context) {
  struct chdf5_frame_visit data = {visit, context};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, chdf5_visit_frame, &data);
}

// A string of variable length says how long it is only while it is being read, so the memory
// for it comes from an allowance.

typedef struct { size_t remaining; int is_exhausted; } chdf5_allowance;

static inline void *chdf5_allocate(size_t size, void *data) {
  chdf5_allowance *allowance = (chdf5_allowance *)data;
  if (size > allowance->remaining) {
    allowance->is_exhausted = 1;
    return NULL;
  }
  allowance->remaining -= size;
  return malloc(size ? size : 1);
}

static inline void chdf5_free(void *bytes, void *data) {
  (void)data;
  free(bytes);
}

static inline herr_t chdf5_set_allowance(hid_t transfer, chdf5_allowance *allowance) {
  return H5Pset_vlen_mem_manager(transfer, chdf5_allocate, allowance, chdf5_free, NULL);
}
