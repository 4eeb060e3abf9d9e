#include "Mathematics.h"

// Every loop here walks pieces of this many floats, so that a piece's border never depends on the
// number of threads.
enum { PIECE = 1024 };

typedef struct {
  float *y;
  const float *x, *z;
  const float *const *terms;
  long count, term_count;
  float a, b;
  int flag;
  uint64_t key;
  double *sums;
} loop;

static void over_pieces(const loop *l, ck_body body) {
  ck_parallel((l->count + PIECE - 1) / PIECE, l->count, body, l);
}

// Gives `f` every full vector of a range of pieces and the rest that is left of the last one.
#define EACH_VECTOR(l, begin, end, expression)                                  \
  do {                                                                          \
    long first = (begin) * PIECE, last = min_l((end) * PIECE, (l)->count);      \
    long i = first;                                                             \
    for (; i + 16 <= last; i += 16) {                                           \
      const long n __attribute__((unused)) = 16;                                                       \
      put((l)->y + i, (expression), n);                                         \
    }                                                                           \
    if (i < last) {                                                             \
      const long n = last - i;                                                  \
      put((l)->y + i, (expression), n);                                         \
    }                                                                           \
  } while (0)

VERSIONS static void fill_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end, splat(l->a));
}
void ck_fill(float *y, float value, long count) {
  loop l = {.y = y, .a = value, .count = count};
  over_pieces(&l, fill_body);
}

static void copy_body(const void *context, long begin, long end) {
  const loop *l = context;
  long first = begin * PIECE, last = min_l(end * PIECE, l->count);
  memcpy(l->y + first, l->x + first, (size_t)(last - first) * sizeof(float));
}
void ck_copy(float *y, const float *x, long count) {
  loop l = {.y = y, .x = x, .count = count};
  over_pieces(&l, copy_body);
}

VERSIONS static void scale_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end, l->a * get(l->y + i, n));
}
void ck_scale(float *y, float factor, long count) {
  loop l = {.y = y, .a = factor, .count = count};
  over_pieces(&l, scale_body);
}

VERSIONS static void blend_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end, l->a * get(l->y + i, n) + l->b * get(l->x + i, n));
}
void ck_blend(float *y, float a, const float *x, float b, long count) {
  loop l = {.y = y, .x = x, .a = a, .b = b, .count = count};
  over_pieces(&l, blend_body);
}

#define total(l, i, n)                                                          \
  ({                                                                            \
    v16 sum = get((l)->terms[0] + i, n);                                        \
    for (long t = 1; t < (l)->term_count; t++) sum += get((l)->terms[t] + i, n); \
    sum;                                                                        \
  })
// A NaN stays one.
#define positive(x)          \
  ({                         \
    const v16 any = (x);     \
    keep(~(any <= 0), any);  \
  })

VERSIONS static void sum_body(const void *context, long begin, long end) {
  const loop *l = context;
  if (l->flag) {
    EACH_VECTOR(l, begin, end, positive(total(l, i, n)));
  } else {
    EACH_VECTOR(l, begin, end, total(l, i, n));
  }
}
void ck_sum(float *y, const float *const *x, long terms, int relu, long count) {
  loop l = {.y = y, .terms = x, .term_count = terms, .flag = relu, .count = count};
  over_pieces(&l, sum_body);
}

VERSIONS static void sum_masked_body(const void *context, long begin, long end) {
  const loop *l = context;
  if (l->term_count == 1) {
    const float *x = l->terms[0];
    EACH_VECTOR(l, begin, end, keep(get(l->z + i, n) > 0, get(x + i, n)));
  } else {
    EACH_VECTOR(l, begin, end, keep(get(l->z + i, n) > 0, total(l, i, n)));
  }
}
void ck_sum_masked(float *y, const float *const *x, long terms, const float *output, long count) {
  loop l = {.y = y, .terms = x, .term_count = terms, .z = output, .count = count};
  over_pieces(&l, output ? sum_masked_body : sum_body);
}

VERSIONS static void relu_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end, positive(get(l->x + i, n)));
}
VERSIONS static void leaky_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end,
              choose(get(l->x + i, n) > 0, get(l->x + i, n), l->a * get(l->x + i, n)));
}
VERSIONS static void elu_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end, velu(get(l->x + i, n), l->a));
}
VERSIONS static void sigmoid_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end, vsigmoid(get(l->x + i, n)));
}
VERSIONS static void tanh_body(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end, vtanh(get(l->x + i, n)));
}
void ck_apply(float *y, const float *x, ck_function f, float parameter, long count) {
  static const ck_body bodies[] = {leaky_body, elu_body, sigmoid_body, tanh_body};
  loop l = {.y = y, .x = x, .a = parameter, .count = count};
  // Zero times minus infinity is no zero.
  over_pieces(&l, f == CK_LEAKY_RELU && parameter == 0 ? relu_body : bodies[f]);
}

VERSIONS static void leaky_gradient(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end,
              choose(get(l->z + i, n) > 0, get(l->x + i, n), l->a * get(l->x + i, n)));
}
VERSIONS static void elu_gradient(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end,
              get(l->x + i, n)
                  * choose(get(l->z + i, n) > 0, splat(1), get(l->z + i, n) + l->a));
}
VERSIONS static void sigmoid_gradient(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end,
              get(l->x + i, n) * get(l->z + i, n) * (1.0f - get(l->z + i, n)));
}
VERSIONS static void tanh_gradient(const void *context, long begin, long end) {
  const loop *l = context;
  EACH_VECTOR(l, begin, end,
              get(l->x + i, n) * (1.0f - get(l->z + i, n) * get(l->z + i, n)));
}
void ck_apply_gradient(float *dx, const float *dy, const float *y, ck_function f,
                       float parameter, long count) {
  static const ck_body bodies[] = {leaky_gradient, elu_gradient, sigmoid_gradient, tanh_gradient};
  loop l = {.y = dx, .x = dy, .z = y, .a = parameter, .count = count};
  over_pieces(&l, bodies[f]);
}

// Two rounds of a 32-bit mixer (Wellons' lowbias32) around the two halves of the key.
INLINE void hash_at(u16 *at, uint32_t low, uint32_t high) {
  u16 x = *at ^ low;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x ^= x >> 16;
  x += high;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  *at = x ^ (x >> 16);
}

VERSIONS static void dropout_body(const void *context, long begin, long end) {
  const loop *l = context;
  const u16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint32_t low = (uint32_t)l->key, high = (uint32_t)(l->key >> 32);
  // 24 bits are compared, which convert to float exactly.
  const int32_t limit = (int32_t)(l->a * 16777216.0f);
  EACH_VECTOR(l, begin, end, ({
                u16 bits = lanes + (uint32_t)i;
                hash_at(&bits, low, high);
                keep((i16)(bits >> 8) < limit, l->b * get(l->x + i, n));
              }));
}
void ck_dropout(float *y, const float *x, float keep_rate, uint64_t key, long count) {
  loop l = {.y = y, .x = x, .a = keep_rate, .b = 1.0f / keep_rate, .key = key, .count = count};
  over_pieces(&l, dropout_body);
}

enum { SUM_PIECES = 64 };

VERSIONS static void squares_body(const void *context, long begin, long end) {
  const loop *l = context;
  const long size = (l->count + SUM_PIECES - 1) / SUM_PIECES;
  for (long piece = begin; piece < end; piece++) {
    double sum = 0;
    const long last = min_l((piece + 1) * size, l->count);
    for (long start = piece * size; start < last; start += 1024) {
      const long stop = min_l(start + 1024, last);
      v16 squares = {0};
      long i = start;
      for (; i + 16 <= stop; i += 16) squares += load(l->x + i) * load(l->x + i);
      const v16 rest = get(l->x + i, stop - i);
      squares += rest * rest;
      for (int lane = 0; lane < 16; lane++) sum += squares[lane];
    }
    l->sums[piece] = sum;
  }
}
double ck_sum_of_squares(const float *x, long count) {
  double sums[SUM_PIECES] = {0};
  loop l = {.x = x, .count = count, .sums = sums};
  ck_parallel(SUM_PIECES, count, squares_body, &l);
  double sum = 0;
  for (int piece = 0; piece < SUM_PIECES; piece++) sum += sums[piece];
  return sum;
}

// Only numbers that are not finite have all bits of the exponent set.
VERSIONS long ck_first_non_finite(const float *x, long count) {
  for (long start = 0; start < count; start += 1024) {
    const long stop = min_l(start + 1024, count);
    i16 wild = {0};
    for (long i = start; i < stop; i += 16) {
      const i16 exponent = (i16)get(x + i, min_l(16, stop - i)) & 0x7f800000;
      wild |= exponent == 0x7f800000;
    }
    int any = 0;
    for (int lane = 0; lane < 16; lane++) any |= wild[lane];
    for (long i = start; any && i < stop; i++)
      if (x[i] - x[i] != 0) return i;
  }
  return -1;
}

typedef struct {
  const float *x;
  long count;
  int32_t *tops;
} peaks;

// Without their signs, floats are ordered like their bits; NaNs come after infinity.
VERSIONS static void peaks_body(const void *context, long begin, long end) {
  const peaks *k = context;
  const long size = (k->count + SUM_PIECES - 1) / SUM_PIECES;
  for (long piece = begin; piece < end; piece++) {
    i16 top = {0};
    const long last = min_l((piece + 1) * size, k->count);
    for (long i = piece * size; i < last; i += 16) {
      const i16 bits = (i16)get(k->x + i, min_l(16, last - i)) & 0x7fffffff;
      top = (bits & (bits > top)) | (top & ~(bits > top));
    }
    for (int lane = 0; lane < 16; lane++)
      if (top[lane] > k->tops[piece]) k->tops[piece] = top[lane];
  }
}
float ck_max_magnitude(const float *x, long count) {
  int32_t tops[SUM_PIECES] = {0}, top = 0;
  const peaks k = {x, count, tops};
  ck_parallel(SUM_PIECES, count, peaks_body, &k);
  for (int piece = 0; piece < SUM_PIECES; piece++)
    if (tops[piece] > top) top = tops[piece];
  float result;
  memcpy(&result, &top, sizeof result);
  return result;
}

void ck_clear_padding(float *y, long rows, long lanes, long used) {
  for (long row = 0; row < rows; row++)
    for (long lane = used; lane < lanes; lane++) y[row * lanes + lane] = 0;
}

typedef uint16_t h16 __attribute__((vector_size(32)));

// To nearest, ties to even; a NaN, which adding would make an infinity of, keeps its upper half.
VERSIONS static void to_bfloat16_body(const void *context, long begin, long end) {
  const loop *l = context;
  const long last = min_l(end * PIECE, l->count);
  for (long i = begin * PIECE; i < last; i += 16) {
    const long n = min_l(16, last - i);
    const v16 x = get(l->x + i, n);
    const u16 bits = (u16)x;
    const u16 nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    const u16 none = (u16)(x != x);
    const h16 y = __builtin_convertvector((none & (bits >> 16 | 0x40)) | (~none & nearest), h16);
    memcpy((uint16_t *)l->y + i, &y, (size_t)n * sizeof(uint16_t));
  }
}
void ck_to_bfloat16(void *y, const float *x, long count) {
  loop l = {.y = y, .x = x, .count = count};
  over_pieces(&l, to_bfloat16_body);
}
