#include "Internal.h"

enum { PIECE = 1024 };

// ---- Weighted sums of rows ----

typedef struct {
  ck_linear m;
  float *y;
  const float *x;
} movement;

static void linear_body(const void *context, long begin, long end) {
  const movement *k = context;
  const ck_linear *m = &k->m;
  const size_t bytes = (size_t)m->inner * sizeof(float);
  for (long task = begin; task < end; task++) {
    const long sample = task / m->out_rows, row = task % m->out_rows;
    const float *x = k->x + sample * m->in_rows * m->inner;
    float *y = k->y + task * m->inner;
    const int32_t first = m->starts[row], last = m->starts[row + 1];
    if (last - first == 1 && m->weights[first] == 1) {
      memcpy(y, x + m->sources[first] * m->inner, bytes);
      continue;
    }
    memset(y, 0, bytes);
    for (int32_t t = first; t < last; t++) {
      const float *from = x + m->sources[t] * m->inner, weight = m->weights[t];
      for (long i = 0; i < m->inner; i++) y[i] += weight * from[i];
    }
  }
}

void ck_linear_apply(float *y, const float *x, const ck_linear *m, long samples) {
  const movement k = {*m, y, x};
  const long rows = samples * m->out_rows;
  ck_parallel(rows, rows * m->inner, linear_body, &k);
}

// ---- Element by element over several arrays ----

typedef struct {
  float *y;
  const float *dy;
  const float *const *x;
  long terms, which, count;
  ck_join op;
} join;

static float joined(const join *j, long i) {
  float y = j->x[0][i];
  for (long t = 1; t < j->terms; t++) {
    const float x = j->x[t][i];
    switch (j->op) {
      case CK_SUBTRACT: y -= x; break;
      case CK_MULTIPLY: y *= x; break;
      case CK_AVERAGE: y += x; break;
      // A NaN on either side stays one.
      case CK_MAXIMUM: y = x > y || x != x ? x : y; break;
      case CK_MINIMUM: y = x < y || x != x ? x : y; break;
    }
  }
  return j->op == CK_AVERAGE ? y / (float)j->terms : y;
}

static float slope(const join *j, long i) {
  switch (j->op) {
    case CK_SUBTRACT: return j->which == 0 ? 1 : -1;
    case CK_AVERAGE: return 1 / (float)j->terms;
    case CK_MULTIPLY: {
      float product = 1;
      for (long t = 0; t < j->terms; t++)
        if (t != j->which) product *= j->x[t][i];
      return product;
    }
    default: break;
  }
  // The first of equals has won.
  const float own = j->x[j->which][i];
  for (long t = 0; t < j->terms; t++) {
    const float x = j->op == CK_MAXIMUM ? j->x[t][i] : -j->x[t][i];
    const float mine = j->op == CK_MAXIMUM ? own : -own;
    if (x > mine || (x == mine && t < j->which)) return 0;
  }
  return 1;
}

static void join_body(const void *context, long begin, long end) {
  const join *j = context;
  const long last = min_l(end * PIECE, j->count);
  for (long i = begin * PIECE; i < last; i++)
    j->y[i] = j->dy ? j->dy[i] * slope(j, i) : joined(j, i);
}

void ck_join_apply(float *y, const float *const *x, long terms, ck_join op, long count) {
  const join j = {.y = y, .x = x, .terms = terms, .count = count, .op = op};
  ck_parallel((count + PIECE - 1) / PIECE, terms * count, join_body, &j);
}

void ck_join_gradient(float *dx, const float *dy, const float *const *x, long terms, long which,
                      ck_join op, long count) {
  const join j = {.y = dx, .dy = dy, .x = x, .terms = terms, .which = which, .count = count,
                  .op = op};
  ck_parallel((count + PIECE - 1) / PIECE, terms * count, join_body, &j);
}

// ---- Tables ----

typedef struct {
  float *y;
  const float *x, *rows;
  long count, width;
} lookup;

static void lookup_body(const void *context, long begin, long end) {
  const lookup *l = context;
  for (long i = begin; i < end; i++)
    memcpy(l->y + i * l->width, l->rows + (long)l->x[i] * l->width,
           (size_t)l->width * sizeof(float));
}

long ck_embed(float *y, const float *x, const float *table, long count, long rows, long width) {
  // Written so that a NaN is outside too.
  for (long i = 0; i < count; i++)
    if (!(x[i] > -1 && x[i] < (float)rows)) return i;
  const lookup l = {.y = y, .x = x, .rows = table, .count = count, .width = width};
  ck_parallel(count, count * width, lookup_body, &l);
  return -1;
}

// A thread has columns of its own, so that sums come in the order of the samples.
static void lookup_gradient_body(const void *context, long begin, long end) {
  const lookup *l = context;
  for (long i = 0; i < l->count; i++) {
    float *to = l->y + (long)l->x[i] * l->width;
    const float *from = l->rows + i * l->width;
    for (long column = begin; column < end; column++) to[column] += from[column];
  }
}

void ck_embed_gradient(float *dtable, const float *x, const float *dy, long count, long rows,
                       long width) {
  ck_fill(dtable, 0, rows * width);
  const lookup l = {.y = dtable, .x = x, .rows = dy, .count = count, .width = width};
  ck_parallel(width, count * width, lookup_gradient_body, &l);
}

// ---- Slopes of one's own ----

typedef struct {
  float *y;
  const float *dy, *x, *alpha;
  const int32_t *index;
  long size;
} slopes;

static void prelu_body(const void *context, long begin, long end) {
  const slopes *s = context;
  for (long n = begin; n < end; n++)
    for (long i = 0; i < s->size; i++) {
      const long at = n * s->size + i;
      const float factor = s->x[at] > 0 ? 1 : s->alpha[s->index[i]];
      s->y[at] = factor * (s->dy ? s->dy[at] : s->x[at]);
    }
}

void ck_prelu(float *y, const float *x, const float *alpha, const int32_t *index, long size,
              long samples) {
  const slopes s = {.y = y, .x = x, .alpha = alpha, .index = index, .size = size};
  ck_parallel(samples, samples * size, prelu_body, &s);
}

void ck_prelu_gradient(float *dx, const float *dy, const float *x, const float *alpha,
                       const int32_t *index, long size, long samples) {
  const slopes s = {.y = dx, .dy = dy, .x = x, .alpha = alpha, .index = index, .size = size};
  ck_parallel(samples, samples * size, prelu_body, &s);
}

void ck_prelu_slopes(float *dalpha, const float *dy, const float *x, const int32_t *index,
                     long size, long samples, long count, double *room) {
  for (long a = 0; a < count; a++) room[a] = 0;
  for (long at = 0; at < samples * size; at++)
    if (!(x[at] > 0)) room[index[at % size]] += (double)dy[at] * x[at];
  for (long a = 0; a < count; a++) dalpha[a] = (float)room[a];
}

// ---- Constants of each channel ----

typedef struct {
  float *y;
  const float *x, *center, *factor, *shift;
  long channels;
} affine;

static void affine_body(const void *context, long begin, long end) {
  const affine *a = context;
  for (long row = begin; row < end; row++)
    for (long c = 0; c < a->channels; c++) {
      const long at = row * a->channels + c;
      a->y[at] = (a->x[at] - a->center[c]) * a->factor[c] + a->shift[c];
    }
}

void ck_affine(float *y, const float *x, const float *center, const float *factor,
               const float *shift, long channels, long rows) {
  const affine a = {y, x, center, factor, shift, channels};
  ck_parallel(rows, rows * channels, affine_body, &a);
}

void ck_deviation_factors(float *factor, const float *variance, long count) {
  for (long i = 0; i < count; i++) {
    const float deviation = __builtin_sqrtf(variance[i]);
    factor[i] = 1 / (deviation < 1e-7f ? 1e-7f : deviation);
  }
}

// ---- Biases ----

typedef struct {
  float *y;
  const float *x;
  long samples, blocks, pixels, lanes;
} biases;

static void bias_body(const void *context, long begin, long end) {
  const biases *k = context;
  for (long plane = begin; plane < end; plane++) {
    const float *bias = k->x + plane % k->blocks * k->lanes;
    float *y = k->y + plane * k->pixels * k->lanes;
    for (long p = 0; p < k->pixels; p++)
      for (long lane = 0; lane < k->lanes; lane++) y[p * k->lanes + lane] += bias[lane];
  }
}

void ck_add_bias(float *y, const float *bias, long samples, long blocks, long pixels,
                 long lanes) {
  const biases k = {y, bias, samples, blocks, pixels, lanes};
  ck_parallel(samples * blocks, samples * blocks * pixels * lanes, bias_body, &k);
}

static void bias_gradient_body(const void *context, long begin, long end) {
  const biases *k = context;
  for (long channel = begin; channel < end; channel++) {
    const long block = channel / k->lanes, lane = channel % k->lanes;
    double sum = 0;
    for (long n = 0; n < k->samples; n++) {
      const float *x = k->x + (n * k->blocks + block) * k->pixels * k->lanes + lane;
      for (long p = 0; p < k->pixels; p++) sum += x[p * k->lanes];
    }
    k->y[channel] = (float)sum;
  }
}

void ck_bias_gradient(float *db, const float *dy, long samples, long blocks, long pixels,
                      long lanes) {
  const biases k = {db, dy, samples, blocks, pixels, lanes};
  ck_parallel(blocks * lanes, samples * blocks * pixels * lanes, bias_gradient_body, &k);
}
