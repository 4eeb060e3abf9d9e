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

// The calling thread's team size, for these loops and for oneDNN alike. oneDNN reads it when a
// primitive is made, so it has to be set before.
void ck_set_team(int threads);
int ck_team(void);
int ck_processors(void);
// Makes the team's threads give up the processor soon after their work is done, so that a busy
// machine is not slowed down by threads that wait by spinning. Once in a process; harmless again.
void ck_yield_while_waiting(void);

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
// y = x / keep where a hash of (key, index) falls under keep, else 0; y may be x. The same key
// gives the same mask, so the backward pass is the same call.
void ck_dropout(float *y, const float *x, float keep, uint64_t key, long count);
// The sum of squares, in double.
double ck_sum_of_squares(const float *x, long count);
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

// ---- Dense layers ----

// y [rows][columns] += bias [columns], then ReLU if asked. bias may be null.
void ck_dense_finish(float *y, const float *bias, int relu, long rows, long columns);
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
// running = momentum * running + (1 - momentum) * value
void ck_norm_track(float *running, const float *value, float momentum, long count);

// ---- Loss ----

// Softmax cross-entropy: L = sum_i weights[i] * sum_c -targets[i,c] * log softmax(z_i)_c, and its
// gradient with respect to z. Targets need not sum to one. Returns L.
double ck_cross_entropy(float *gradient, const float *logits, const float *targets,
                        const float *weights, long samples, long classes, double *room);
// Softmax over the last axis of [rows, classes], and its gradient from the output.
void ck_softmax(float *y, const float *x, long rows, long classes);
void ck_softmax_gradient(float *dx, const float *dy, const float *y, long rows, long classes);

// ---- Optimizers ----

// v = momentum * v + g;  w = w - rate * v. Without momentum v may be null.
void ck_sgd(float *w, const float *g, float *v, float rate, float momentum, long count);
// Kingma and Ba, algorithm 1: m and v are the moments; `step` counts from 1.
// w = w - rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
void ck_adam(float *w, const float *g, float *m, float *v, float rate, float beta1, float beta2,
             float epsilon, long step, long count);
