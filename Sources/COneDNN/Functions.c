// oneDNN's functions, for a program that is not linked with it (Loader.h): those that shim.h and OneDNN call.
#ifdef __linux__
#include "Loader.h"
#include "shim.h"

#if DNNL_VERSION_MAJOR >= 3
static loader_library library = {.names = {"libdnnl.so.3"}};
typedef const_dnnl_memory_desc_t layout;
#else
static loader_library library = {.names = {"libdnnl.so.2"}};
typedef const dnnl_memory_desc_t *layout;
#endif

#define FORWARD(result, name, parameters, arguments) LOADER_FORWARD(&library, result, name, parameters, arguments)
// Most of them tell how they fared.
#define STATUS(name, parameters, arguments) FORWARD(dnnl_status_t, name, parameters, arguments)

FORWARD(const dnnl_version_t *, dnnl_version, (void), ())
FORWARD(dnnl_cpu_isa_t, dnnl_get_effective_cpu_isa, (void), ())

STATUS(dnnl_engine_create, (dnnl_engine_t *made, dnnl_engine_kind_t kind, size_t index), (made, kind, index))
STATUS(dnnl_engine_destroy, (dnnl_engine_t engine), (engine))
STATUS(dnnl_stream_create, (dnnl_stream_t *made, dnnl_engine_t engine, unsigned flags), (made, engine, flags))
STATUS(dnnl_stream_destroy, (dnnl_stream_t stream), (stream))

FORWARD(int, dnnl_memory_desc_equal, (layout left, layout right), (left, right))
FORWARD(size_t, dnnl_memory_desc_get_size, (layout layout), (layout))
STATUS(dnnl_memory_create, (dnnl_memory_t *made, layout layout, dnnl_engine_t engine, void *address),
       (made, layout, engine, address))
STATUS(dnnl_memory_destroy, (dnnl_memory_t memory), (memory))
STATUS(dnnl_memory_set_data_handle, (dnnl_memory_t memory, void *address), (memory, address))

STATUS(dnnl_post_ops_create, (dnnl_post_ops_t *made), (made))
STATUS(dnnl_post_ops_destroy, (dnnl_post_ops_t steps), (steps))
STATUS(dnnl_primitive_attr_create, (dnnl_primitive_attr_t *made), (made))
STATUS(dnnl_primitive_attr_destroy, (dnnl_primitive_attr_t attributes), (attributes))
STATUS(dnnl_primitive_attr_set_post_ops, (dnnl_primitive_attr_t attributes, const_dnnl_post_ops_t steps),
       (attributes, steps))
STATUS(dnnl_primitive_attr_set_scratchpad_mode, (dnnl_primitive_attr_t attributes, dnnl_scratchpad_mode_t mode),
       (attributes, mode))

STATUS(dnnl_reorder_primitive_desc_create,
       (dnnl_primitive_desc_t *made, layout source, dnnl_engine_t engine, layout destination,
        dnnl_engine_t other, const_dnnl_primitive_attr_t attributes),
       (made, source, engine, destination, other, attributes))
STATUS(dnnl_primitive_desc_destroy, (dnnl_primitive_desc_t operation), (operation))
STATUS(dnnl_primitive_desc_query,
       (const_dnnl_primitive_desc_t operation, dnnl_query_t what, int index, void *answer),
       (operation, what, index, answer))
FORWARD(layout, dnnl_primitive_desc_query_md, (const_dnnl_primitive_desc_t operation, dnnl_query_t what, int index),
        (operation, what, index))
STATUS(dnnl_primitive_create, (dnnl_primitive_t *made, const_dnnl_primitive_desc_t operation), (made, operation))
STATUS(dnnl_primitive_destroy, (dnnl_primitive_t primitive), (primitive))
STATUS(dnnl_primitive_execute,
       (const_dnnl_primitive_t primitive, dnnl_stream_t stream, int count, const dnnl_exec_arg_t *arguments),
       (primitive, stream, count, arguments))

STATUS(dnnl_sgemm,
       (char a, char b, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha, const float *left, dnnl_dim_t lda,
        const float *right, dnnl_dim_t ldb, float beta, float *product, dnnl_dim_t ldc),
       (a, b, m, n, k, alpha, left, lda, right, ldb, beta, product, ldc))

#if DNNL_VERSION_MAJOR >= 3

STATUS(dnnl_memory_desc_create_with_tag,
       (dnnl_memory_desc_t *made, int rank, const dnnl_dims_t extents, dnnl_data_type_t type, dnnl_format_tag_t tag),
       (made, rank, extents, type, tag))
STATUS(dnnl_memory_desc_clone, (dnnl_memory_desc_t *made, layout layout), (made, layout))
STATUS(dnnl_memory_desc_destroy, (dnnl_memory_desc_t layout), (layout))
STATUS(dnnl_memory_desc_query, (layout layout, dnnl_query_t what, void *answer), (layout, what, answer))
STATUS(dnnl_post_ops_append_eltwise, (dnnl_post_ops_t steps, dnnl_alg_kind_t kind, float alpha, float beta),
       (steps, kind, alpha, beta))
STATUS(dnnl_post_ops_append_sum, (dnnl_post_ops_t steps, float scale, int32_t zero, dnnl_data_type_t type),
       (steps, scale, zero, type))
STATUS(dnnl_convolution_forward_primitive_desc_create,
       (dnnl_primitive_desc_t *made, dnnl_engine_t engine, dnnl_prop_kind_t purpose, dnnl_alg_kind_t kind,
        layout source, layout weights, layout bias, layout destination, const dnnl_dims_t strides,
        const dnnl_dims_t dilations, const dnnl_dims_t before, const dnnl_dims_t after,
        const_dnnl_primitive_attr_t attributes),
       (made, engine, purpose, kind, source, weights, bias, destination, strides, dilations, before, after, attributes))
STATUS(dnnl_convolution_backward_data_primitive_desc_create,
       (dnnl_primitive_desc_t *made, dnnl_engine_t engine, dnnl_alg_kind_t kind, layout source, layout weights,
        layout destination, const dnnl_dims_t strides, const dnnl_dims_t dilations, const dnnl_dims_t before,
        const dnnl_dims_t after, const_dnnl_primitive_desc_t forward, const_dnnl_primitive_attr_t attributes),
       (made, engine, kind, source, weights, destination, strides, dilations, before, after, forward, attributes))
STATUS(dnnl_convolution_backward_weights_primitive_desc_create,
       (dnnl_primitive_desc_t *made, dnnl_engine_t engine, dnnl_alg_kind_t kind, layout source, layout weights,
        layout bias, layout destination, const dnnl_dims_t strides, const dnnl_dims_t dilations,
        const dnnl_dims_t before, const dnnl_dims_t after, const_dnnl_primitive_desc_t forward,
        const_dnnl_primitive_attr_t attributes),
       (made, engine, kind, source, weights, bias, destination, strides, dilations, before, after, forward, attributes))

#else

STATUS(dnnl_memory_desc_init_by_tag,
       (dnnl_memory_desc_t *made, int rank, const dnnl_dims_t extents, dnnl_data_type_t type, dnnl_format_tag_t tag),
       (made, rank, extents, type, tag))
STATUS(dnnl_post_ops_append_eltwise,
       (dnnl_post_ops_t steps, float scale, dnnl_alg_kind_t kind, float alpha, float beta),
       (steps, scale, kind, alpha, beta))
STATUS(dnnl_post_ops_append_sum, (dnnl_post_ops_t steps, float scale), (steps, scale))
STATUS(dnnl_dilated_convolution_forward_desc_init,
       (dnnl_convolution_desc_t *made, dnnl_prop_kind_t purpose, dnnl_alg_kind_t kind, layout source, layout weights,
        layout bias, layout destination, const dnnl_dims_t strides, const dnnl_dims_t dilations,
        const dnnl_dims_t before, const dnnl_dims_t after),
       (made, purpose, kind, source, weights, bias, destination, strides, dilations, before, after))
STATUS(dnnl_dilated_convolution_backward_data_desc_init,
       (dnnl_convolution_desc_t *made, dnnl_alg_kind_t kind, layout source, layout weights, layout destination,
        const dnnl_dims_t strides, const dnnl_dims_t dilations, const dnnl_dims_t before, const dnnl_dims_t after),
       (made, kind, source, weights, destination, strides, dilations, before, after))
STATUS(dnnl_dilated_convolution_backward_weights_desc_init,
       (dnnl_convolution_desc_t *made, dnnl_alg_kind_t kind, layout source, layout weights, layout bias,
        layout destination, const dnnl_dims_t strides, const dnnl_dims_t dilations, const dnnl_dims_t before,
        const dnnl_dims_t after),
       (made, kind, source, weights, bias, destination, strides, dilations, before, after))
STATUS(dnnl_primitive_desc_create,
       (dnnl_primitive_desc_t *made, const_dnnl_op_desc_t description, const_dnnl_primitive_attr_t attributes,
        dnnl_engine_t engine, const_dnnl_primitive_desc_t forward),
       (made, description, attributes, engine, forward))

#endif
#endif
