#include <math.h>
#include "Mathematics.h"

typedef struct {
  float *y;
  const float *x, *targets, *weights;
  long classes;
  double *losses;
} rows;

INLINE float greatest(const float *x, long count) {
  float top = x[0];
  // The comparison is written so that a NaN stays and shows up in the loss.
  for (long c = 1; c < count; c++) top = x[c] > top || x[c] != x[c] ? x[c] : top;
  return top;
}

// Writes exp(x - top) and returns the sum.
INLINE float exponentials(float *y, const float *x, float top, long count) {
  float sum = 0;
  for (long c = 0; c < count; c += 16) {
    const long n = min_l(16, count - c);
    const v16 e = vexp(get(x + c, n) - top);
    put(y + c, e, n);
    for (long lane = 0; lane < n; lane++) sum += e[lane];
  }
  return sum;
}

VERSIONS static void cross_entropy_body(const void *context, long begin, long end) {
  const rows *r = context;
  const long classes = r->classes;
  for (long i = begin; i < end; i++) {
    const float *z = r->x + i * classes, *target = r->targets + i * classes;
    float *gradient = r->y + i * classes;
    const float weight = r->weights[i];
    const float top = greatest(z, classes);
    const float sum = exponentials(gradient, z, top, classes);
    const float log_sum = logf(sum);
    float mass = 0, loss = 0;
    for (long c = 0; c < classes; c++) {
      mass += target[c];
      // A class that is not aimed at adds nothing, even if its score is minus infinity.
      if (target[c] != 0) loss += target[c] * (log_sum - (z[c] - top));
    }
    const float scale = mass / sum;
    for (long c = 0; c < classes; c++)
      gradient[c] = weight * (gradient[c] * scale - target[c]);
    // A NaN among the scores must reach the caller even where no target looks at it.
    r->losses[i] = sum == sum ? (double)weight * loss : (double)sum;
  }
}

double ck_cross_entropy(float *gradient, const float *logits, const float *targets,
                        const float *weights, long samples, long classes, double *room) {
  rows r = {.y = gradient, .x = logits, .targets = targets, .weights = weights,
            .classes = classes, .losses = room};
  ck_parallel(samples, 8 * samples * classes, cross_entropy_body, &r);
  double loss = 0;
  for (long i = 0; i < samples; i++) loss += room[i];
  return loss;
}

VERSIONS static void softmax_body(const void *context, long begin, long end) {
  const rows *r = context;
  for (long i = begin; i < end; i++) {
    const float *x = r->x + i * r->classes;
    float *y = r->y + i * r->classes;
    const float factor = 1 / exponentials(y, x, greatest(x, r->classes), r->classes);
    for (long c = 0; c < r->classes; c++) y[c] *= factor;
  }
}
void ck_softmax(float *y, const float *x, long count, long classes) {
  rows r = {.y = y, .x = x, .classes = classes};
  ck_parallel(count, 8 * count * classes, softmax_body, &r);
}

VERSIONS static void softmax_gradient_body(const void *context, long begin, long end) {
  const rows *r = context;
  for (long i = begin; i < end; i++) {
    const float *dy = r->x + i * r->classes, *y = r->targets + i * r->classes;
    float *dx = r->y + i * r->classes;
    float product = 0;
    for (long c = 0; c < r->classes; c++) product += dy[c] * y[c];
    for (long c = 0; c < r->classes; c++) dx[c] = y[c] * (dy[c] - product);
  }
}
void ck_softmax_gradient(float *dx, const float *dy, const float *y, long count, long classes) {
  rows r = {.y = dx, .x = dy, .targets = y, .classes = classes};
  ck_parallel(count, 8 * count * classes, softmax_gradient_body, &r);
}

static void binary_body(const void *context, long begin, long end) {
  const rows *r = context;
  const long classes = r->classes;
  for (long i = begin; i < end; i++) {
    double loss = 0;
    for (long c = 0; c < classes; c++) {
      const float z = r->x[i * classes + c], target = r->targets[i * classes + c];
      const float factor = r->weights[i] / (float)classes;
      // The larger of z and 0, written so that a NaN stays one.
      loss += (z < 0 ? 0 : z) + log1pf(expf(-fabsf(z))) - target * z;
      r->y[i * classes + c] = factor * (1 / (1 + expf(-z)) - target);
    }
    r->losses[i] = (double)r->weights[i] * loss / (double)classes;
  }
}

double ck_binary_cross_entropy(float *gradient, const float *logits, const float *targets,
                               const float *weights, long samples, long classes, double *room) {
  rows r = {.y = gradient, .x = logits, .targets = targets, .weights = weights,
            .classes = classes, .losses = room};
  ck_parallel(samples, 16 * samples * classes, binary_body, &r);
  double loss = 0;
  for (long i = 0; i < samples; i++) loss += room[i];
  return loss;
}

VERSIONS static void log_softmax_body(const void *context, long begin, long end) {
  const rows *r = context;
  for (long i = begin; i < end; i++) {
    const float *x = r->x + i * r->classes;
    float *y = r->y + i * r->classes;
    const float top = greatest(x, r->classes);
    float sum = 0;
    for (long c = 0; c < r->classes; c++) sum += expf(x[c] - top);
    const float shift = logf(sum);
    for (long c = 0; c < r->classes; c++) y[c] = x[c] - top - shift;
  }
}
void ck_log_softmax(float *y, const float *x, long count, long classes) {
  rows r = {.y = y, .x = x, .classes = classes};
  ck_parallel(count, 8 * count * classes, log_softmax_body, &r);
}

static void log_softmax_gradient_body(const void *context, long begin, long end) {
  const rows *r = context;
  for (long i = begin; i < end; i++) {
    const float *dy = r->x + i * r->classes, *y = r->targets + i * r->classes;
    float *dx = r->y + i * r->classes;
    float sum = 0;
    for (long c = 0; c < r->classes; c++) sum += dy[c];
    for (long c = 0; c < r->classes; c++) dx[c] = dy[c] - expf(y[c]) * sum;
  }
}
void ck_log_softmax_gradient(float *dx, const float *dy, const float *y, long count,
                             long classes) {
  rows r = {.y = dx, .x = dy, .targets = y, .classes = classes};
  ck_parallel(count, 8 * count * classes, log_softmax_gradient_body, &r);
}
