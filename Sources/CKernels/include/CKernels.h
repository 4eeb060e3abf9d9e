// The loops that oneDNN lacks: loss, optimizers, element-wise work, and the thread team they share with it.
//
// Activations are [samples][blocks][pixels][lanes]: a channel c lives in block c / lanes, lane
// c % lanes, and lanes past the last channel hold zeros. That one form covers what oneDNN calls
// nChw16c and nChw8c (lanes 16 and 8), nhwc (one block) and nchw (one lane).
//
// Images of few channels may be interleaved instead, [groups][channels][pixels][16]: a group is 16
// samples, one for each lane; those missing in the last group hold anything finite, and their
// gradients are zero.
//
// Work is cut into pieces whose borders depend on sizes alone, and sums of pieces are added in a
// fixed order: the same input gives the same bits with any number of threads.
#pragma once
#include <stddef.h>
#include <stdint.h>

// ---- The team ----

// The calling thread's team size. What oneDNN does by itself is done by one thread then.
void ck_set_team(int threads);
int ck_team(void);
int ck_processors(void);
// How many threads oneDNN shares work among in the calling thread. It reads this when a primitive is
// made and when it runs. Beyond one they are those of GNU OpenMP, slow to wake up.
void ck_set_library_team(int threads);
int ck_library_team(void);

typedef void (*ck_body)(const void *context, long begin, long end);
// Runs body over 0..<count in as many neighbouring ranges as there are threads; in the calling
// thread alone when `cost` (roughly, floats touched) is too small to share.
void ck_parallel(long count, long cost, ck_body body, const void *context);

// ---- Element-wise ----

typedef enum {
  CK_LEAKY_RELU,  // parameter: slope, 0 for ReLU
  CK_ELU,         // parameter: alpha
  CK_SIGMOID,
  CK_TANH,
} ck_function;

void ck_fill(float *y, float value, long count);
void ck_copy(float *y, const float *x, long count);
void ck_scale(float *y, float factor, long count);
// y = x in numbers of 16 bits, the upper halves of 32-bit floats; to nearest, ties to even.
void ck_to_bfloat16(void *y, const float *x, long count);
// y = a * y + b * x
void ck_blend(float *y, float a, const float *x, float b, long count);
// y = sum of the `terms` arrays, then ReLU if asked; y may be one of them.
void ck_sum(float *y, const float *const *x, long terms, int relu, long count);
// y = sum of the `terms` arrays where output > 0, else 0; y may be one of them. `output` may be
// null: nothing is masked then.
void ck_sum_masked(float *y, const float *const *x, long terms, const float *output, long count);
// y = f(x); y may be x.
void ck_apply(float *y, const float *x, ck_function f, float parameter, long count);
// dx = dy * f'(x), from y = f(x); dx may be dy. The parameter must not be negative.
void ck_apply_gradient(float *dx, const float *dy, const float *y, ck_function f,
                       float parameter, long count);
typedef enum {
  CK_RECTIFIER,  // a: maximum, b: slope below, c: threshold
  CK_CELU,       // a: alpha
  CK_SELU,
  CK_GELU,
  CK_GELU_TANH,
  CK_SILU,
  CK_MISH,
  CK_SOFTPLUS,
  CK_SOFTSIGN,
  CK_EXPONENTIAL,
  CK_LOG_SIGMOID,
  CK_HARD_SIGMOID,  // a: slope
  CK_HARD_SILU,
  CK_HARD_TANH,
  CK_HARD_SHRINK,  // a: threshold
  CK_SOFT_SHRINK,  // a: threshold
  CK_TANH_SHRINK,
  CK_SQUAREPLUS,  // a: b
  CK_SPARSE_PLUS,
  CK_ABOVE,  // a: threshold, b: value
  CK_MAP_FUNCTIONS,  // how many there are
} ck_map_function;

// y = f(x), and dx = dy * f'(x) from the same x; a NaN stays one. y may be x, dx may be dy.
void ck_map(float *y, const float *x, ck_map_function f, float a, float b, float c, long count);
void ck_map_gradient(float *dx, const float *dy, const float *x, ck_map_function f, float a,
                     float b, float c, long count);

// y = x / keep where a hash of (key, index) falls under keep, else 0; y may be x. The same key
// gives the same mask, so the backward pass is the same call.
void ck_dropout(float *y, const float *x, float keep, uint64_t key, long count);

typedef enum {
  CK_CHANNEL_DROPOUT,  // a: rate; whole channels of [planes][pixels][lanes]
  CK_ADDED,            // a: standard deviation
  CK_MULTIPLIED,       // a: standard deviation
  CK_ALPHA_DROPOUT,    // a: rate
} ck_noise;

// Noise drawn from a hash of (key, index), or with `backward` its gradient; y may be x.
void ck_add_noise(float *y, const float *x, ck_noise kind, float a, int backward, uint64_t key,
                  long lanes, long pixels, long count);

typedef enum { CK_SUBTRACT, CK_MULTIPLY, CK_AVERAGE, CK_MAXIMUM, CK_MINIMUM } ck_join;

// y = the `terms` arrays joined element by element, and the gradient by array `which`.
void ck_join_apply(float *y, const float *const *x, long terms, ck_join op, long count);
void ck_join_gradient(float *dx, const float *dy, const float *const *x, long terms, long which,
                      ck_join op, long count);
// y = x where x is positive, else alpha[index] * x, for `samples` arrays of `size`.
void ck_prelu(float *y, const float *x, const float *alpha, const int32_t *index, long size,
              long samples);
void ck_prelu_gradient(float *dx, const float *dy, const float *x, const float *alpha,
                       const int32_t *index, long size, long samples);
// `room` has `count` elements, as many as there are slopes.
void ck_prelu_slopes(float *dalpha, const float *dy, const float *x, const int32_t *index,
                     long size, long samples, long count, double *room);
// y = (x - center) * factor + shift for each of [rows][channels].
void ck_affine(float *y, const float *x, const float *center, const float *factor,
               const float *shift, long channels, long rows);
// factor = 1 / max(sqrt(variance), 1e-7)
void ck_deviation_factors(float *factor, const float *variance, long count);
// y += bias for every pixel of [samples][blocks][pixels][lanes], and the bias's gradient.
void ck_add_bias(float *y, const float *bias, long samples, long blocks, long pixels,
                 long lanes);
void ck_bias_gradient(float *db, const float *dy, long samples, long blocks, long pixels,
                      long lanes);
// The sum of squares, in double.
double ck_sum_of_squares(const float *x, long count);
// Where the first NaN or infinity is, or -1.
long ck_first_non_finite(const float *x, long count);
// The largest magnitude; not a finite number where one of the numbers is none.
float ck_max_magnitude(const float *x, long count);
// Zeros in the lanes past the last channel.
void ck_clear_padding(float *y, long rows, long lanes, long used);

// ---- Shape and layout ----

// Copies `count` channels of every sample and pixel between two arrays of one image size.
void ck_copy_channels(float *y, long y_blocks, long y_lanes, long y_first, const float *x,
                      long x_blocks, long x_lanes, long x_first, long count, long samples,
                      long pixels);
// The same for all channels of x (which start at channel 0 in y), with zeros in y's padding.
void ck_convert(float *y, long y_blocks, long y_lanes, const float *x, long x_blocks,
                long x_lanes, long channels, long samples, long pixels);
// From any of the forms above to the interleaved one, with zeros for missing samples, and back,
// with zeros in y's padding.
void ck_interleave(float *y, const float *x, long x_blocks, long x_lanes, long channels,
                   long samples, long pixels);
void ck_separate(float *y, long y_blocks, long y_lanes, const float *x, long channels,
                 long samples, long pixels);
// Puts planes of [h][w][lanes] into planes of [oh][ow][lanes] at (top, left), zeros around.
void ck_pad(float *y, const float *x, long planes, long h, long w, long lanes, long oh, long ow,
            long top, long left);
// The reverse: cuts the window out again.
void ck_crop(float *x, const float *y, long planes, long h, long w, long lanes, long oh, long ow,
             long top, long left);

// Rows of `inner` floats as weighted sums of other rows: output row r has the terms from starts[r]
// to before starts[r + 1].
typedef struct {
  long in_rows, out_rows, inner;
  const int32_t *starts, *sources;
  const float *weights;
} ck_linear;

void ck_linear_apply(float *y, const float *x, const ck_linear *m, long samples);

// y = the rows of a table [rows][width] that x names. Returns the first index of x that names
// none, before anything is written, or -1.
long ck_embed(float *y, const float *x, const float *table, long count, long rows, long width);
void ck_embed_gradient(float *dtable, const float *x, const float *dy, long count, long rows,
                       long width);

// ---- Dense layers ----

// y [rows][columns] += bias [columns], then ReLU if asked. bias may be null.
void ck_dense_finish(float *y, const float *bias, int relu, long rows, long columns);
// y [rows][columns] = x * factor [columns]; y may be x.
void ck_scale_columns(float *y, const float *x, const float *factor, long rows, long columns);
// sums [columns] of x [rows][columns] over the rows.
void ck_column_sums(float *sums, const float *x, long rows, long columns);

// ---- Convolution of interleaved images ----

// Kernels are [kh][kw][inputs][outputs], as Keras keeps them.
typedef struct {
  long groups, inputs, outputs;
  long h, w, oh, ow;
  long kh, kw, sh, sw, dh, dw;
  long top, left;  // padding before; windows are cut at the borders
} ck_conv;

// y = x * w + bias, then ReLU if asked. bias may be null.
void ck_conv_forward(float *y, const float *x, const float *w, const float *bias, int relu,
                     const ck_conv *c);
void ck_conv_backward_data(float *dx, const float *dy, const float *w, const ck_conv *c);
// db may be null.
void ck_conv_backward_weights(float *dw, float *db, const float *x, const float *dy,
                              const ck_conv *c);

// ---- Convolution of 3 x 3 windows by Winograd's method ----

// x [samples][inputs][height][width][16], y [samples][outputs][out_height][out_width][16]: a window at every
// pixel. `top` and `left` (0 to 2) count zeros before the image. Weights are
// [outputs][inputs][3][3][16 inputs][16 outputs].
typedef struct {
  long samples, inputs, outputs;  // blocks
  long height, width, out_height, out_width, top, left;
} ck_winograd;

// Floats of working memory, for the calling thread's team.
long ck_winograd_room(const ck_winograd *c);
long ck_winograd_weights_room(const ck_winograd *c);
// y = x * w + bias, plus what y held if asked, then ReLU if asked. bias may be null.
void ck_winograd_forward(float *y, const float *x, const float *w, const float *bias, int adds, int relu,
                         const ck_winograd *c, float *room);
void ck_winograd_backward_data(float *dx, const float *dy, const float *w, const ck_winograd *c,
                               float *room);
void ck_winograd_backward_weights(float *dw, const float *x, const float *dy, const ck_winograd *c,
                                  float *room);

// ---- Pooling ----

typedef struct {
  long planes, lanes;  // samples * blocks, lanes in a block
  long h, w, oh, ow;
  long kh, kw, sh, sw;
  long top, left;      // padding before; windows are cut at the borders
} ck_pool;

// `winners` (as long as y) remembers which pixel of the window won; null for inference.
void ck_max_pool(float *y, uint16_t *winners, const float *x, const ck_pool *p);
// With `output`, gradients count only where output > 0 (a ReLU before the pool).
void ck_max_pool_gradient(float *dx, const float *dy, const uint16_t *winners,
                          const float *output, const ck_pool *p);
// The mean over the pixels of the window that exist.
void ck_average_pool(float *y, const float *x, const ck_pool *p);
void ck_average_pool_gradient(float *dx, const float *dy, const ck_pool *p);

// ---- Normalization ----

typedef struct {
  long samples, blocks, pixels, lanes;
  float epsilon;
} ck_norm;

// Room that the functions below need for partial sums, in floats.
long ck_norm_room(const ck_norm *n);
// The batch's mean and biased variance, [blocks * lanes] each.
void ck_norm_statistics(float *mean, float *variance, const float *x, const ck_norm *n,
                        float *room);
// y = gamma (x - mean) / sqrt(variance + epsilon) + beta [+ residual], then ReLU if asked.
// gamma, beta and residual may be null. y may be x.
void ck_norm_forward(float *y, const float *x, const float *mean, const float *variance,
                     const float *gamma, const float *beta, const float *residual, int relu,
                     const ck_norm *n);
// Gradients of the above. With `relu`, dy counts only where the output was positive: read from
// `output` if there is one, else computed again. `dresidual`, if not null, receives dy as it
// counted. dx, dgamma and dbeta may be null. With `fixed`, mean and variance were constants.
// dx may be dy.
void ck_norm_backward(float *dx, float *dgamma, float *dbeta, float *dresidual, const float *dy,
                      const float *x, const float *output, const float *mean,
                      const float *variance, const float *gamma, const float *beta, int relu,
                      int fixed, const ck_norm *n, float *room);
// What the above is for constant statistics: factor * x + shift, for x = y + bias, of the first
// `used` of `count` channels; zeros for the rest. gamma, beta and bias may be null.
void ck_norm_fold(float *factor, float *shift, const float *mean, const float *variance,
                  const float *gamma, const float *beta, const float *bias, float epsilon,
                  long used, long count);
// running = momentum * running + (1 - momentum) * value
void ck_norm_track(float *running, const float *value, float momentum, long count);

// ---- Depthwise convolution ----

// x [samples][blocks][height][width][lanes], dy the same with out_height and out_width;
// 8 or 16 lanes. The window is [rows][columns]; `top` and `left` count zeros before the image.
typedef struct {
  long samples, blocks, lanes, height, width, out_height, out_width, rows, columns;
  long stride_y, stride_x, dilation_y, dilation_x, top, left;
} ck_depthwise;

// dw [blocks][rows][columns][lanes]; db [blocks][lanes] may be null.
void ck_depthwise_weights(float *dw, float *db, const float *x, const float *dy,
                          const ck_depthwise *d);

// ---- Normalization of every sample by itself ----

// [samples][pixels][channels], in `groups` parts of the channels.
typedef struct {
  long samples, pixels, channels, groups;
  float epsilon;
} ck_group;

// mean and scale (1 / sqrt(variance + epsilon)) are [samples][groups], or null for inference.
// gamma and beta [channels] may be null. y may be x where mean is null.
void ck_group_forward(float *y, float *mean, float *scale, const float *x, const float *gamma,
                      const float *beta, const ck_group *g);
// dx may be dy.
void ck_group_backward(float *dx, const float *dy, const float *x, const float *mean,
                       const float *scale, const float *gamma, const ck_group *g);
// dgamma and dbeta may be null.
void ck_group_parameters(float *dgamma, float *dbeta, const float *dy, const float *x,
                         const float *mean, const float *scale, const ck_group *g);

// ---- Loss ----

// Softmax cross-entropy: L = sum_i weights[i] * sum_c -targets[i,c] * log softmax(z_i)_c, and its
// gradient with respect to z. Targets need not sum to one. Returns L.
double ck_cross_entropy(float *gradient, const float *logits, const float *targets,
                        const float *weights, long samples, long classes, double *room);
// Sigmoid cross-entropy: L = sum_i weights[i] * mean_c (log(1 + e^z) - targets[i,c] z), and its
// gradient. Returns L.
double ck_binary_cross_entropy(float *gradient, const float *logits, const float *targets,
                               const float *weights, long samples, long classes, double *room);
// log(softmax) over the last axis, and its gradient from the output.
void ck_log_softmax(float *y, const float *x, long rows, long classes);
void ck_log_softmax_gradient(float *dx, const float *dy, const float *y, long rows, long classes);
// Softmax over the last axis of [rows, classes], and its gradient from the output.
void ck_softmax(float *y, const float *x, long rows, long classes);
void ck_softmax_gradient(float *dx, const float *dy, const float *y, long rows, long classes);

// ---- Optimizers ----

// As Keras 3 computes them. Each returns whether all weights are still finite numbers.

// m = momentum * m + rate * g;  w = w - m, or with `nesterov` w - momentum * m - rate * g.
// Without momentum m may be null.
int ck_sgd(float *w, const float *g, float *m, float rate, float momentum, int nesterov,
           long count);
// Kingma and Ba, section 2: m and v are the moments; `step` counts from 1.
// w = w - rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)
// With `peak` (AMSGrad) the largest v so far takes v's place; it may be null.
int ck_adam(float *w, const float *g, float *m, float *v, float *peak, float rate, float beta1,
            float beta2, float epsilon, long step, long count);
// v = decay * v + (1 - decay) g^2;  m = momentum * m + rate * g / sqrt(v + epsilon);  w = w - m.
// With `mean` (centered) its square is taken off v. m and mean may be null.
int ck_rmsprop(float *w, const float *g, float *m, float *v, float *mean, float rate, float decay,
               float momentum, float epsilon, long count);
// Cuts every number to the limit and its negative.
void ck_clip(float *y, float limit, long count);
