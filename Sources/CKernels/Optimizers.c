#include <math.h>
#include "Internal.h"

typedef struct {
  float *w, *m, *v;
  const float *g;
  float rate, beta1, beta2, epsilon;
  long count;
} update;

enum { PIECE = 1024 };

INLINE void sgd_vector(const update *u, long i, long n) {
  v16 velocity = get(u->g + i, n);
  if (u->v) {
    velocity += u->beta1 * get(u->v + i, n);
    put(u->v + i, velocity, n);
  }
  put(u->w + i, get(u->w + i, n) - u->rate * velocity, n);
}
VERSIONS static void sgd_body(const void *context, long begin, long end) {
  const update *u = context;
  const long last = min_l(end * PIECE, u->count);
  long i = begin * PIECE;
  for (; i + 16 <= last; i += 16) sgd_vector(u, i, 16);
  if (i < last) sgd_vector(u, i, last - i);
}
void ck_sgd(float *w, const float *g, float *v, float rate, float momentum, long count) {
  update u = {.w = w, .g = g, .v = v, .rate = rate, .beta1 = momentum, .count = count};
  ck_parallel((count + PIECE - 1) / PIECE, count, sgd_body, &u);
}

// `rate` and `epsilon` carry the bias corrections: see ck_adam.
INLINE void adam_vector(const update *u, long i, long n) {
  const v16 g = get(u->g + i, n);
  const v16 m = u->beta1 * get(u->m + i, n) + (1 - u->beta1) * g;
  const v16 v = u->beta2 * get(u->v + i, n) + (1 - u->beta2) * (g * g);
  put(u->m + i, m, n);
  put(u->v + i, v, n);
  put(u->w + i, get(u->w + i, n) - u->rate * m / (root(v) + u->epsilon), n);
}
VERSIONS static void adam_body(const void *context, long begin, long end) {
  const update *u = context;
  const long last = min_l(end * PIECE, u->count);
  long i = begin * PIECE;
  for (; i + 16 <= last; i += 16) adam_vector(u, i, 16);
  if (i < last) adam_vector(u, i, last - i);
}
void ck_adam(float *w, const float *g, float *m, float *v, float rate, float beta1, float beta2,
             float epsilon, long step, long count) {
  // Multiplying numerator and denominator by sqrt(1 - beta2^t) leaves one square root and one
  // division an element.
  const double first = 1 - pow(beta1, (double)step);
  const double second = sqrt(1 - pow(beta2, (double)step));
  update u = {.w = w, .g = g, .m = m, .v = v, .beta1 = beta1, .beta2 = beta2, .count = count,
              .rate = (float)(rate * second / first), .epsilon = (float)(epsilon * second)};
  ck_parallel((count + PIECE - 1) / PIECE, 2 * count, adam_body, &u);
}
