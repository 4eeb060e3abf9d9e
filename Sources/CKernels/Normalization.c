#include <math.h>
#include "Internal.h"

// A task is up to 16 neighbouring lanes of one block ("group") for some samples ("chunk"). Chunks
// depend on the sizes alone, and their sums are added in order.

typedef struct {
  ck_norm n;
  long groups_per_block, groups, chunks;
  float *y, *dresidual, *dgamma, *dbeta, *mean_out, *variance_out, *room;
  const float *x, *dy, *output, *mean, *variance, *gamma, *beta, *residual;
  int relu, fixed;
} norm;

enum { TASKS = 64 };

static norm prepare(const ck_norm *n, float *room) {
  norm r = {.n = *n, .room = room};
  r.groups_per_block = (n->lanes + 15) / 16;
  r.groups = n->blocks * r.groups_per_block;
  r.chunks = min_l(n->samples, max_l(1, (TASKS + r.groups - 1) / r.groups));
  return r;
}

static long work_of(const ck_norm *n) { return n->samples * n->blocks * n->pixels * n->lanes; }

long ck_norm_room(const ck_norm *n) {
  const norm r = prepare(n, NULL);
  return (r.groups * r.chunks * 2 + r.groups * 3) * 16;
}

typedef struct {
  long block, lane, lanes;  // first lane and number of lanes
  long channel;             // of the first lane
} group;

INLINE group find(const norm *r, long index) {
  group g;
  g.block = index / r->groups_per_block;
  g.lane = index % r->groups_per_block * 16;
  g.lanes = min_l(16, r->n.lanes - g.lane);
  g.channel = g.block * r->n.lanes + g.lane;
  return g;
}
INLINE long offset(const norm *r, const group *g, long sample) {
  return (sample * r->n.blocks + g->block) * r->n.pixels * r->n.lanes + g->lane;
}
INLINE long chunk_begin(const norm *r, long chunk) { return r->n.samples * chunk / r->chunks; }

// ---- Statistics ----

// Deviations are taken from a rough mean, so that their squares do not cancel.
INLINE void rough_mean(v16 *mean, const norm *r, const group *g, const long lanes) {
  v16 sum = {0};
  long count = 0;
  for (long s = 0; s < min_l(r->n.samples, 8); s++) {
    const float *x = r->x + offset(r, g, s);
    for (long p = 0; p < min_l(r->n.pixels, 8); p++, count++)
      sum += get(x + p * r->n.lanes, lanes);
  }
  *mean = sum / (float)count;
}

INLINE void moments(const norm *r, const group *g, long chunk, const long lanes, float *sums) {
  v16 middle;
  rough_mean(&middle, r, g, lanes);
  const long step = r->n.lanes, pixels = r->n.pixels;
  v16 sum = {0}, squares = {0};
  for (long s = chunk_begin(r, chunk); s < chunk_begin(r, chunk + 1); s++) {
    const float *x = r->x + offset(r, g, s);
    v16 a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0};
    long p = 0;
    for (; p + 2 <= pixels; p += 2) {
      const v16 d0 = get(x + p * step, lanes) - middle;
      const v16 d1 = get(x + (p + 1) * step, lanes) - middle;
      a0 += d0;
      a1 += d1;
      b0 += d0 * d0;
      b1 += d1 * d1;
    }
    if (p < pixels) {
      const v16 d = get(x + p * step, lanes) - middle;
      a0 += d;
      b0 += d * d;
    }
    sum += a0 + a1;
    squares += b0 + b1;
  }
  store(sums, sum);
  store(sums + 16, squares);
}

VERSIONS static void moments_body(const void *context, long begin, long end) {
  const norm *r = context;
  for (long task = begin; task < end; task++) {
    const group g = find(r, task / r->chunks);
    float *sums = r->room + task * 32;
    if (g.lanes == 16) moments(r, &g, task % r->chunks, 16, sums);
    else moments(r, &g, task % r->chunks, g.lanes, sums);
  }
}

VERSIONS static void statistics_body(const void *context, long begin, long end) {
  const norm *r = context;
  const double count = (double)r->n.samples * (double)r->n.pixels;
  for (long index = begin; index < end; index++) {
    const group g = find(r, index);
    v16 middle;
    rough_mean(&middle, r, &g, g.lanes);
    for (long lane = 0; lane < g.lanes; lane++) {
      double sum = 0, squares = 0;
      for (long chunk = 0; chunk < r->chunks; chunk++) {
        const float *sums = r->room + (index * r->chunks + chunk) * 32;
        sum += sums[lane];
        squares += sums[16 + lane];
      }
      const double mean = sum / count, variance = squares / count - mean * mean;
      r->mean_out[g.channel + lane] = (float)(middle[lane] + mean);
      // Written so that a NaN stays one.
      r->variance_out[g.channel + lane] = variance < 0 ? 0 : (float)variance;
    }
  }
}

void ck_norm_statistics(float *mean, float *variance, const float *x, const ck_norm *n,
                        float *room) {
  norm r = prepare(n, room);
  r.x = x;
  r.mean_out = mean;
  r.variance_out = variance;
  ck_parallel(r.groups * r.chunks, work_of(n), moments_body, &r);
  ck_parallel(r.groups, r.groups * r.chunks * 16, statistics_body, &r);
}

// ---- Forward ----

typedef struct {
  v16 mean, scale, shift;
} affine;

INLINE affine coefficients(const norm *r, const group *g, const long lanes) {
  affine a;
  a.mean = get(r->mean + g->channel, lanes);
  a.scale = 1.0f / root(get(r->variance + g->channel, lanes) + r->n.epsilon);
  if (r->gamma) a.scale *= get(r->gamma + g->channel, lanes);
  a.shift = r->beta ? get(r->beta + g->channel, lanes) : splat(0);
  return a;
}

INLINE void forward(const norm *r, const group *g, long s, const long lanes) {
  const affine a = coefficients(r, g, lanes);
  const long step = r->n.lanes, at = offset(r, g, s);
  for (long p = 0; p < r->n.pixels; p++) {
    v16 y = (get(r->x + at + p * step, lanes) - a.mean) * a.scale + a.shift;
    if (r->residual) y += get(r->residual + at + p * step, lanes);
    if (r->relu) y = keep(~(y <= 0), y);
    put(r->y + at + p * step, y, lanes);
  }
}

VERSIONS static void forward_body(const void *context, long begin, long end) {
  const norm *r = context;
  for (long task = begin; task < end; task++) {
    const group g = find(r, task % r->groups);
    if (g.lanes == 16) forward(r, &g, task / r->groups, 16);
    else forward(r, &g, task / r->groups, g.lanes);
  }
}

void ck_norm_forward(float *y, const float *x, const float *mean, const float *variance,
                     const float *gamma, const float *beta, const float *residual, int relu,
                     const ck_norm *n) {
  norm r = prepare(n, NULL);
  r.y = y;
  r.x = x;
  r.mean = mean;
  r.variance = variance;
  r.gamma = gamma;
  r.beta = beta;
  r.residual = residual;
  r.relu = relu;
  ck_parallel(r.groups * n->samples, work_of(n), forward_body, &r);
}

// ---- Backward ----

// dy where it counts.
#define counted(r, a, deviation, at, lanes)                                        \
  ({                                                                               \
    v16 all = get((r)->dy + (at), lanes);                                          \
    if ((r)->relu)                                                                 \
      all = (r)->output ? keep(get((r)->output + (at), lanes) > 0, all)            \
                        : keep((deviation) * (a).scale + (a).shift > 0, all);      \
    all;                                                                           \
  })

INLINE void gradient_sums(const norm *r, const group *g, long chunk, const long lanes,
                          float *sums) {
  const affine a = coefficients(r, g, lanes);
  const long step = r->n.lanes;
  v16 sum = {0}, products = {0};
  for (long s = chunk_begin(r, chunk); s < chunk_begin(r, chunk + 1); s++) {
    const long start = offset(r, g, s);
    v16 sample_sum = {0}, sample_products = {0};
    for (long p = 0; p < r->n.pixels; p++) {
      const long at = start + p * step;
      const v16 deviation = get(r->x + at, lanes) - a.mean;
      const v16 dy = counted(r, a, deviation, at, lanes);
      if (r->dresidual) put(r->dresidual + at, dy, lanes);
      sample_sum += dy;
      sample_products += dy * deviation;
    }
    sum += sample_sum;
    products += sample_products;
  }
  store(sums, sum);
  store(sums + 16, products);
}

VERSIONS static void gradient_sums_body(const void *context, long begin, long end) {
  const norm *r = context;
  for (long task = begin; task < end; task++) {
    const group g = find(r, task / r->chunks);
    float *sums = r->room + task * 32;
    if (g.lanes == 16) gradient_sums(r, &g, task % r->chunks, 16, sums);
    else gradient_sums(r, &g, task % r->chunks, g.lanes, sums);
  }
}

// Leaves, for each group, the mean of dy and the factor of the deviation.
VERSIONS static void gradient_means_body(const void *context, long begin, long end) {
  const norm *r = context;
  const double count = (double)r->n.samples * (double)r->n.pixels;
  for (long index = begin; index < end; index++) {
    const group g = find(r, index);
    float *means = r->room + r->groups * r->chunks * 32 + index * 32;
    for (long lane = 0; lane < g.lanes; lane++) {
      double sum = 0, products = 0;
      for (long chunk = 0; chunk < r->chunks; chunk++) {
        const float *sums = r->room + (index * r->chunks + chunk) * 32;
        sum += sums[lane];
        products += sums[16 + lane];
      }
      const double inverse = 1 / ((double)r->variance[g.channel + lane] + r->n.epsilon);
      if (r->dgamma) r->dgamma[g.channel + lane] = (float)(products * sqrt(inverse));
      if (r->dbeta) r->dbeta[g.channel + lane] = (float)sum;
      means[lane] = r->fixed ? 0 : (float)(sum / count);
      means[16 + lane] = r->fixed ? 0 : (float)(products * inverse / count);
    }
  }
}

INLINE void backward(const norm *r, const group *g, long index, long s, const long lanes) {
  const affine a = coefficients(r, g, lanes);
  const float *means = r->room + r->groups * r->chunks * 32 + index * 32;
  const v16 mean = get(means, lanes), factor = get(means + 16, lanes);
  const long step = r->n.lanes, start = offset(r, g, s);
  for (long p = 0; p < r->n.pixels; p++) {
    const long at = start + p * step;
    const v16 deviation = get(r->x + at, lanes) - a.mean;
    const v16 dy = r->dresidual ? get(r->dresidual + at, lanes)
                                : counted(r, a, deviation, at, lanes);
    put(r->y + at, a.scale * (dy - mean - deviation * factor), lanes);
  }
}

VERSIONS static void backward_body(const void *context, long begin, long end) {
  const norm *r = context;
  for (long task = begin; task < end; task++) {
    const long index = task % r->groups;
    const group g = find(r, index);
    if (g.lanes == 16) backward(r, &g, index, task / r->groups, 16);
    else backward(r, &g, index, task / r->groups, g.lanes);
  }
}

void ck_norm_backward(float *dx, float *dgamma, float *dbeta, float *dresidual, const float *dy,
                      const float *x, const float *output, const float *mean,
                      const float *variance, const float *gamma, const float *beta, int relu,
                      int fixed, const ck_norm *n, float *room) {
  norm r = prepare(n, room);
  r.y = dx;
  r.dgamma = dgamma;
  r.dbeta = dbeta;
  r.dresidual = dresidual;
  r.dy = dy;
  r.x = x;
  r.output = output;
  r.mean = mean;
  r.variance = variance;
  r.gamma = gamma;
  r.beta = beta;
  r.relu = relu;
  r.fixed = fixed;
  ck_parallel(r.groups * r.chunks, 2 * work_of(n), gradient_sums_body, &r);
  ck_parallel(r.groups, r.groups * r.chunks * 16, gradient_means_body, &r);
  if (dx) ck_parallel(r.groups * n->samples, 2 * work_of(n), backward_body, &r);
}

void ck_norm_fold(float *factor, float *shift, const float *mean, const float *variance,
                  const float *gamma, const float *beta, const float *bias, float epsilon,
                  long used, long count) {
  for (long i = 0; i < count; i++) {
    const float scale = 1.0f / __builtin_sqrtf(variance[i] + epsilon) * (gamma ? gamma[i] : 1);
    const float offset = ((bias ? bias[i] : 0) - mean[i]) * scale + (beta ? beta[i] : 0);
    factor[i] = i < used ? scale : 0;
    shift[i] = i < used ? offset : 0;
  }
}

void ck_norm_track(float *running, const float *value, float momentum, long count) {
  ck_blend(running, momentum, value, 1 - momentum, count);
}
