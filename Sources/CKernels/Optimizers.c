#include <math.h>
#include "Internal.h"

typedef struct {
  float *w, *m, *v, *peak;
  const float *g;
  float rate, beta1, beta2, epsilon;
  int nesterov;
  long count;
  int *bad;
} update;

enum { PIECE = 1024 };

// Runs `vector` over a range of pieces and tells whether a weight is no finite number any more:
// subtracting a NaN or an infinity from itself leaves no zero.
#define EACH_WEIGHT(u, begin, end, vector)                            \
  do {                                                                \
    const long last = min_l((end) * PIECE, (u)->count);               \
    long i = (begin) * PIECE;                                         \
    i16 finite = (i16){0} - 1;                                        \
    for (; i + 16 <= last; i += 16) vector(u, i, 16, &finite);        \
    if (i < last) vector(u, i, last - i, &finite);                    \
    int all = 1;                                                      \
    for (int lane = 0; lane < 16; lane++) all &= finite[lane] != 0;   \
    if (!all) __atomic_store_n((u)->bad, 1, __ATOMIC_RELAXED);        \
  } while (0)

INLINE void move(const update *u, long i, long n, i16 *finite, const v16 *step) {
  const v16 w = get(u->w + i, n) - *step;
  *finite &= w - w == (v16){0};
  put(u->w + i, w, n);
}

static int run(update *u, long cost, ck_body body) {
  int bad = 0;
  u->bad = &bad;
  ck_parallel((u->count + PIECE - 1) / PIECE, cost, body, u);
  return !bad;
}

INLINE void sgd_vector(const update *u, long i, long n, i16 *finite) {
  v16 step = u->rate * get(u->g + i, n);
  if (u->m) {
    const v16 velocity = u->beta1 * get(u->m + i, n) + step;
    put(u->m + i, velocity, n);
    step = u->nesterov ? u->beta1 * velocity + step : velocity;
  }
  move(u, i, n, finite, &step);
}
VERSIONS static void sgd_body(const void *context, long begin, long end) {
  const update *u = context;
  EACH_WEIGHT(u, begin, end, sgd_vector);
}
int ck_sgd(float *w, const float *g, float *m, float rate, float momentum, int nesterov,
           long count) {
  update u = {.w = w, .g = g, .m = m, .rate = rate, .beta1 = momentum, .nesterov = nesterov,
              .count = count};
  return run(&u, count, sgd_body);
}

// `rate` carries the bias corrections: see ck_adam.
INLINE void adam_vector(const update *u, long i, long n, i16 *finite) {
  const v16 g = get(u->g + i, n);
  const v16 m = u->beta1 * get(u->m + i, n) + (1 - u->beta1) * g;
  v16 v = u->beta2 * get(u->v + i, n) + (1 - u->beta2) * (g * g);
  put(u->m + i, m, n);
  put(u->v + i, v, n);
  if (u->peak) {
    const v16 peak = get(u->peak + i, n);
    v = choose(v > peak, v, peak);
    put(u->peak + i, v, n);
  }
  const v16 step = u->rate * m / (root(v) + u->epsilon);
  move(u, i, n, finite, &step);
}
VERSIONS static void adam_body(const void *context, long begin, long end) {
  const update *u = context;
  EACH_WEIGHT(u, begin, end, adam_vector);
}
int ck_adam(float *w, const float *g, float *m, float *v, float *peak, float rate, float beta1,
            float beta2, float epsilon, long step, long count) {
  const double first = 1 - pow(beta1, (double)step);
  const double second = sqrt(1 - pow(beta2, (double)step));
  update u = {.w = w, .g = g, .m = m, .v = v, .peak = peak, .beta1 = beta1, .beta2 = beta2,
              .count = count, .rate = (float)(rate * second / first), .epsilon = epsilon};
  return run(&u, 2 * count, adam_body);
}

INLINE void rmsprop_vector(const update *u, long i, long n, i16 *finite) {
  const v16 g = get(u->g + i, n);
  const v16 v = u->beta2 * get(u->v + i, n) + (1 - u->beta2) * (g * g);
  put(u->v + i, v, n);
  v16 under = v + u->epsilon;
  if (u->peak) {
    const v16 mean = u->beta2 * get(u->peak + i, n) + (1 - u->beta2) * g;
    put(u->peak + i, mean, n);
    under -= mean * mean;
  }
  v16 step = u->rate * g / root(under);
  if (u->m) {
    step += u->beta1 * get(u->m + i, n);
    put(u->m + i, step, n);
  }
  move(u, i, n, finite, &step);
}
VERSIONS static void rmsprop_body(const void *context, long begin, long end) {
  const update *u = context;
  EACH_WEIGHT(u, begin, end, rmsprop_vector);
}
int ck_rmsprop(float *w, const float *g, float *m, float *v, float *mean, float rate, float decay,
               float momentum, float epsilon, long count) {
  update u = {.w = w, .g = g, .m = m, .v = v, .peak = mean, .rate = rate, .beta1 = momentum,
              .beta2 = decay, .epsilon = epsilon, .count = count};
  return run(&u, 2 * count, rmsprop_body);
}

typedef struct {
  float *y;
  float limit;
  long count;
} clipping;

VERSIONS static void clip_body(const void *context, long begin, long end) {
  const clipping *k = context;
  const long last = min_l(end * PIECE, k->count);
  for (long i = begin * PIECE; i < last; i++) {
    // Written so that a NaN stays one.
    const float x = k->y[i];
    k->y[i] = x > k->limit ? k->limit : x < -k->limit ? -k->limit : x;
  }
}
void ck_clip(float *y, float limit, long count) {
  const clipping k = {y, limit, count};
  ck_parallel((count + PIECE - 1) / PIECE, count, clip_body, &k);
}
