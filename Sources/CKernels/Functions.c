#include <math.h>
#include "Mathematics.h"

// Functions beyond the common four. Those of networks for telephones, whose other layers cost
// little, take 16 numbers at a time; the rest one, with the C library's mathematics: what they cost
// is small beside the layers around them.

enum { PIECE = 1024 };

typedef struct {
  float *y;
  const float *dy, *x;
  float a, b, c;
  long count;
} map;

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }
static float softplus(float x) { return fmaxf(x, 0) + log1pf(expf(-fabsf(x))); }
static float clip(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

static const float SELU_ALPHA = 1.6732632423543772f, SELU_SCALE = 1.0507009873554805f;
static const float INVERSE_ROOT_2 = 0.70710678118654752f, ROOT_2_PI = 0.79788456080286536f;

// Each as its value and its slope; a NaN never gets here.
static float celu(float x, float a, float b, float c) {
  (void)b, (void)c;
  return x > 0 ? x : a * expm1f(x / a);
}
static float celu_slope(float x, float a, float b, float c) {
  (void)b, (void)c;
  return x > 0 ? 1 : expf(x / a);
}
static float selu(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return SELU_SCALE * (x > 0 ? x : SELU_ALPHA * expm1f(x));
}
static float selu_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return SELU_SCALE * (x > 0 ? 1 : SELU_ALPHA * expf(x));
}
static float gelu(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return 0.5f * x * erfcf(-x * INVERSE_ROOT_2);
}
static float gelu_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return 0.5f * erfcf(-x * INVERSE_ROOT_2) + x * 0.5f * ROOT_2_PI * expf(-0.5f * x * x);
}
static float gelu_tanh(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return 0.5f * x * (1 + tanhf(ROOT_2_PI * (x + 0.044715f * x * x * x)));
}
static float gelu_tanh_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  const float t = tanhf(ROOT_2_PI * (x + 0.044715f * x * x * x));
  return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * ROOT_2_PI * (1 + 3 * 0.044715f * x * x);
}
static float mish(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return x * tanhf(softplus(x));
}
static float mish_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  const float t = tanhf(softplus(x));
  return t + x * (1 - t * t) * sigmoid(x);
}
static float plus(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return softplus(x);
}
static float plus_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return sigmoid(x);
}
static float softsign(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return x / (1 + fabsf(x));
}
static float softsign_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  const float r = 1 / (1 + fabsf(x));
  return r * r;
}
static float exponential(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return expf(x);
}
static float log_sigmoid(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return -softplus(-x);
}
static float log_sigmoid_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return sigmoid(-x);
}
static float hard_tanh(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return clip(x, -1, 1);
}
static float hard_tanh_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return fabsf(x) < 1;
}
static float hard_shrink(float x, float a, float b, float c) {
  (void)b, (void)c;
  return fabsf(x) > a ? x : 0;
}
static float shrink_slope(float x, float a, float b, float c) {
  (void)b, (void)c;
  return fabsf(x) > a;
}
static float soft_shrink(float x, float a, float b, float c) {
  (void)b, (void)c;
  return x > a ? x - a : x < -a ? x + a : 0;
}
static float tanh_shrink(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return x - tanhf(x);
}
static float tanh_shrink_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  const float t = tanhf(x);
  return t * t;
}
static float squareplus(float x, float a, float b, float c) {
  (void)b, (void)c;
  return 0.5f * (x + sqrtf(x * x + a));
}
static float squareplus_slope(float x, float a, float b, float c) {
  (void)b, (void)c;
  return 0.5f * (1 + x / sqrtf(x * x + a));
}
static float sparse_plus(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return x <= -1 ? 0 : x >= 1 ? x : 0.25f * (x + 1) * (x + 1);
}
static float sparse_plus_slope(float x, float a, float b, float c) {
  (void)a, (void)b, (void)c;
  return clip(0.5f * (x + 1), 0, 1);
}
static float above(float x, float a, float b, float c) {
  (void)c;
  return x > a ? x : b;
}
static float above_slope(float x, float a, float b, float c) {
  (void)b, (void)c;
  return x > a;
}

typedef float (*function)(float x, float a, float b, float c);
static const struct {
  function value, slope;
} functions[CK_MAP_FUNCTIONS] = {
    [CK_CELU] = {celu, celu_slope},
    [CK_SELU] = {selu, selu_slope},
    [CK_GELU] = {gelu, gelu_slope},
    [CK_GELU_TANH] = {gelu_tanh, gelu_tanh_slope},
    [CK_MISH] = {mish, mish_slope},
    [CK_SOFTPLUS] = {plus, plus_slope},
    [CK_SOFTSIGN] = {softsign, softsign_slope},
    [CK_EXPONENTIAL] = {exponential, exponential},
    [CK_LOG_SIGMOID] = {log_sigmoid, log_sigmoid_slope},
    [CK_HARD_TANH] = {hard_tanh, hard_tanh_slope},
    [CK_HARD_SHRINK] = {hard_shrink, shrink_slope},
    [CK_SOFT_SHRINK] = {soft_shrink, shrink_slope},
    [CK_TANH_SHRINK] = {tanh_shrink, tanh_shrink_slope},
    [CK_SQUAREPLUS] = {squareplus, squareplus_slope},
    [CK_SPARSE_PLUS] = {sparse_plus, sparse_plus_slope},
    [CK_ABOVE] = {above, above_slope},
};

// 16 numbers at a time: a function of x, of which `expression` tells.
#define VECTORS(name, expression)                                    \
  VERSIONS static void name(const map *m, long begin, long end) {    \
    for (long i = begin; i < end; i += 16) {                         \
      const long count = min_l(16, end - i);                         \
      const v16 x = get(m->x + i, count);                            \
      v16 v = choose(x == x, (expression), x);                       \
      if (m->dy) v *= get(m->dy + i, count);                         \
      put(m->y + i, v, count);                                       \
    }                                                                \
  }
#define between(x, low, high) \
  choose((x) < (low), splat(low), choose((x) > (high), splat(high), (x)))

VECTORS(rectifiers, choose(x >= m->a, splat(m->a),
                           choose(x > m->c, x, m->b == 0 ? (v16){0} : m->b * (x - m->c))))
VECTORS(rectifier_slopes, choose(x >= m->a, (v16){0}, choose(x > m->c, splat(1.0f), splat(m->b))))
VECTORS(silus, x * vsigmoid(x))
VECTORS(silu_slopes, ({
  const v16 s = vsigmoid(x);
  s * (1 + x * (1 - s));
}))
VECTORS(hard_sigmoids, between(m->a * x + 0.5f, 0.0f, 1.0f))
VECTORS(hard_sigmoid_slopes, choose((m->a * x < 0.5f) & (m->a * x > -0.5f), splat(m->a), (v16){0}))
VECTORS(hard_silus, x * between(x / 6 + 0.5f, 0.0f, 1.0f))
VECTORS(hard_silu_slopes,
        choose(x <= -3, (v16){0}, choose(x >= 3, splat(1.0f), x / 3 + 0.5f)))

typedef void (*range)(const map *m, long begin, long end);
static const struct {
  range value, slope;
} vectors[CK_MAP_FUNCTIONS] = {
    [CK_RECTIFIER] = {rectifiers, rectifier_slopes},
    [CK_SILU] = {silus, silu_slopes},
    [CK_HARD_SIGMOID] = {hard_sigmoids, hard_sigmoid_slopes},
    [CK_HARD_SILU] = {hard_silus, hard_silu_slopes},
};

typedef struct {
  map m;
  function f;
  range vectors;  // where there is one
} job;

static void map_body(const void *context, long begin, long end) {
  const job *j = context;
  const map *m = &j->m;
  const long last = min_l(end * PIECE, m->count);
  if (j->vectors) return j->vectors(m, begin * PIECE, last);
  for (long i = begin * PIECE; i < last; i++) {
    const float x = m->x[i];
    const float v = x != x ? x : j->f(x, m->a, m->b, m->c);
    m->y[i] = m->dy ? m->dy[i] * v : v;
  }
}

static void run(const job *j) {
  ck_parallel((j->m.count + PIECE - 1) / PIECE, 8 * j->m.count, map_body, j);
}

void ck_map(float *y, const float *x, ck_map_function f, float a, float b, float c, long count) {
  const job j = {.m = {.y = y, .x = x, .a = a, .b = b, .c = c, .count = count},
                 .f = functions[f].value, .vectors = vectors[f].value};
  run(&j);
}

void ck_map_gradient(float *dx, const float *dy, const float *x, ck_map_function f, float a,
                     float b, float c, long count) {
  const job j = {.m = {.y = dx, .dy = dy, .x = x, .a = a, .b = b, .c = c, .count = count},
                 .f = functions[f].slope, .vectors = vectors[f].slope};
  run(&j);
}
