// oneDNN's C API as both of its generations in use have it: 2.x of Debian 12, 3.x of newer systems and Homebrew.
//
// They differ in how a tensor's layout is held (a struct there, a handle here) and in how an operation is
// described (in two calls there, in one here). Nothing else in the project knows which one it is built with.
#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>

#if DNNL_VERSION_MAJOR < 2 || DNNL_VERSION_MAJOR > 3
#error "oneDNN 2.x or 3.x is needed"
#endif

// How the numbers of a tensor lie in memory; made by od_layout_make and od_layout_copy, freed by od_layout_free.
typedef struct od_layout od_layout;

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t od_native_layout;
#else
typedef const dnnl_memory_desc_t *od_native_layout;
#endif
static inline od_native_layout od_native(const od_layout *layout) { return (od_native_layout)layout; }

// Strides, dilations (0 for neighbours) and paddings, each as (height, width).
typedef struct {
  dnnl_dim_t strides[2], dilations[2], before[2], after[2];
} od_geometry;

// The tensors of a convolution, or their gradients. The bias may be NULL.
typedef struct {
  const od_layout *source, *weights, *bias, *destination;
} od_tensors;

static inline dnnl_status_t od_layout_make(
    od_layout **made, int rank, const dnnl_dim_t *extents, dnnl_data_type_t type, dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag((dnnl_memory_desc_t *)made, rank, extents, type, tag);
#else
  dnnl_memory_desc_t *layout = (dnnl_memory_desc_t *)malloc(sizeof(dnnl_memory_desc_t));
  if (!layout) return dnnl_out_of_memory;
  const dnnl_status_t status = dnnl_memory_desc_init_by_tag(layout, rank, extents, type, tag);
  if (status == dnnl_success) *made = (od_layout *)layout;
  else free(layout);
  return status;
#endif
}

static inline dnnl_status_t od_layout_copy(od_layout **made, const od_layout *layout) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_clone((dnnl_memory_desc_t *)made, od_native(layout));
#else
  dnnl_memory_desc_t *copy = (dnnl_memory_desc_t *)malloc(sizeof(dnnl_memory_desc_t));
  if (!copy) return dnnl_out_of_memory;
  *copy = *od_native(layout);
  *made = (od_layout *)copy;
  return dnnl_success;
#endif
}

static inline void od_layout_free(od_layout *layout) {
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout);
#else
  free(layout);
#endif
}

// 0 for a tensor that an operation does not have.
static inline int od_layout_rank(const od_layout *layout) {
#if DNNL_VERSION_MAJOR >= 3
  int rank = 0;
  return dnnl_memory_desc_query(od_native(layout), dnnl_query_ndims_s32, &rank) == dnnl_success ? rank : 0;
#else
  return od_native(layout)->ndims;
#endif
}

// As many numbers as the rank, as long as the layout lives; NULL if there are none.
static inline const dnnl_dim_t *od_layout_extents(const od_layout *layout) {
#if DNNL_VERSION_MAJOR >= 3
  // What the query hands out is the layout's own.
  dnnl_dims_t *extents = NULL;
  const dnnl_status_t status = dnnl_memory_desc_query(od_native(layout), dnnl_query_dims, &extents);
  return status == dnnl_success && extents ? *extents : NULL;
#else
  return od_native(layout)->dims;
#endif
}

static inline dnnl_data_type_t od_layout_type(const od_layout *layout) {
#if DNNL_VERSION_MAJOR >= 3
  dnnl_data_type_t type = dnnl_data_type_undef;
  dnnl_memory_desc_query(od_native(layout), dnnl_query_data_type, &type);
  return type;
#else
  return od_native(layout)->data_type;
#endif
}

static inline int od_layout_equal(const od_layout *left, const od_layout *right) {
  return dnnl_memory_desc_equal(od_native(left), od_native(right));
}

// In bytes, padding included.
static inline size_t od_layout_size(const od_layout *layout) { return dnnl_memory_desc_get_size(od_native(layout)); }

// Belongs to the operation; NULL if it has no such tensor.
static inline const od_layout *od_query_layout(
    const_dnnl_primitive_desc_t operation, dnnl_query_t what, int index) {
  return (const od_layout *)dnnl_primitive_desc_query_md(operation, what, index);
}

static inline dnnl_status_t od_memory_make(
    dnnl_memory_t *made, const od_layout *layout, dnnl_engine_t engine, void *address) {
  return dnnl_memory_create(made, od_native(layout), engine, address);
}

static inline dnnl_status_t od_reorder(
    dnnl_primitive_desc_t *made, const od_layout *source, const od_layout *destination, dnnl_engine_t engine,
    const_dnnl_primitive_attr_t attributes) {
  return dnnl_reorder_primitive_desc_create(
      made, od_native(source), engine, od_native(destination), engine, attributes);
}

static inline dnnl_status_t od_append_relu(dnnl_post_ops_t steps) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_eltwise(steps, dnnl_eltwise_relu, 0, 0);
#else
  return dnnl_post_ops_append_eltwise(steps, 1, dnnl_eltwise_relu, 0, 0);
#endif
}

// Adds what the destination held.
static inline dnnl_status_t od_append_sum(dnnl_post_ops_t steps) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_sum(steps, 1, 0, dnnl_data_type_undef);
#else
  return dnnl_post_ops_append_sum(steps, 1);
#endif
}

static inline dnnl_status_t od_convolution_forward(
    dnnl_primitive_desc_t *made, dnnl_engine_t engine, od_tensors tensors, const od_geometry *geometry,
    const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_forward_primitive_desc_create(
      made, engine, dnnl_forward_training, dnnl_convolution_direct, od_native(tensors.source),
      od_native(tensors.weights), od_native(tensors.bias), od_native(tensors.destination), geometry->strides,
      geometry->dilations, geometry->before, geometry->after, attributes);
#else
  dnnl_convolution_desc_t description;
  const dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
      &description, dnnl_forward_training, dnnl_convolution_direct, od_native(tensors.source),
      od_native(tensors.weights), od_native(tensors.bias), od_native(tensors.destination), geometry->strides,
      geometry->dilations, geometry->before, geometry->after);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(made, &description, attributes, engine, NULL);
#endif
}

static inline dnnl_status_t od_convolution_backward_data(
    dnnl_primitive_desc_t *made, dnnl_engine_t engine, od_tensors tensors, const od_geometry *geometry,
    const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_backward_data_primitive_desc_create(
      made, engine, dnnl_convolution_direct, od_native(tensors.source), od_native(tensors.weights),
      od_native(tensors.destination), geometry->strides,
      geometry->dilations, geometry->before, geometry->after, NULL, attributes);
#else
  dnnl_convolution_desc_t description;
  const dnnl_status_t status = dnnl_dilated_convolution_backward_data_desc_init(
      &description, dnnl_convolution_direct, od_native(tensors.source), od_native(tensors.weights),
      od_native(tensors.destination), geometry->strides,
      geometry->dilations, geometry->before, geometry->after);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(made, &description, attributes, engine, NULL);
#endif
}

static inline dnnl_status_t od_convolution_backward_weights(
    dnnl_primitive_desc_t *made, dnnl_engine_t engine, od_tensors tensors, const od_geometry *geometry,
    const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_backward_weights_primitive_desc_create(
      made, engine, dnnl_convolution_direct, od_native(tensors.source), od_native(tensors.weights),
      od_native(tensors.bias), od_native(tensors.destination), geometry->strides,
      geometry->dilations, geometry->before, geometry->after, NULL, attributes);
#else
  dnnl_convolution_desc_t description;
  const dnnl_status_t status = dnnl_dilated_convolution_backward_weights_desc_init(
      &description, dnnl_convolution_direct, od_native(tensors.source), od_native(tensors.weights),
      od_native(tensors.bias), od_native(tensors.destination), geometry->strides,
      geometry->dilations, geometry->before, geometry->after);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(made, &description, attributes, engine, NULL);
#endif
}
