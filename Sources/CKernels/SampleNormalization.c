#include <math.h>
#include "Internal.h"

// A task is one group of one sample: `pixels` rows of `width` neighbouring channels. All sums are
// taken in double and in the order of the numbers.

typedef struct {
  ck_group g;
  long width;
  float *y, *dgamma, *dbeta, *mean_out, *scale_out;
  const float *x, *dy, *mean, *scale, *gamma, *beta;
} grouped;

static grouped prepare(const ck_group *g) {
  const grouped r = {.g = *g, .width = g->channels / g->groups};
  return r;
}

static long cost(const ck_group *g) { return 4 * g->samples * g->pixels * g->channels; }

INLINE long first_of(const grouped *r, long task) {
  const long sample = task / r->g.groups, group = task % r->g.groups;
  return sample * r->g.pixels * r->g.channels + group * r->width;
}

static void forward_body(const void *context, long begin, long end) {
  const grouped *r = context;
  const long step = r->g.channels, width = r->width, pixels = r->g.pixels;
  const double count = (double)pixels * (double)width;
  for (long task = begin; task < end; task++) {
    const long first = first_of(r, task), channel = task % r->g.groups * width;
    const float *x = r->x + first;
    double sum = 0, squares = 0;
    for (long p = 0; p < pixels; p++)
      for (long c = 0; c < width; c++) sum += x[p * step + c];
    const double mean = sum / count;
    for (long p = 0; p < pixels; p++)
      for (long c = 0; c < width; c++) {
        const double d = x[p * step + c] - mean;
        squares += d * d;
      }
    const double scale = 1 / sqrt(squares / count + r->g.epsilon);
    if (r->mean_out) {
      r->mean_out[task] = (float)mean;
      r->scale_out[task] = (float)scale;
    }
    for (long p = 0; p < pixels; p++)
      for (long c = 0; c < width; c++) {
        const double normal = (x[p * step + c] - mean) * scale;
        const double gamma = r->gamma ? r->gamma[channel + c] : 1;
        const double beta = r->beta ? r->beta[channel + c] : 0;
        r->y[first + p * step + c] = (float)(normal * gamma + beta);
      }
  }
}

void ck_group_forward(float *y, float *mean, float *scale, const float *x, const float *gamma,
                      const float *beta, const ck_group *g) {
  grouped r = prepare(g);
  r.y = y;
  r.mean_out = mean;
  r.scale_out = scale;
  r.x = x;
  r.gamma = gamma;
  r.beta = beta;
  ck_parallel(g->samples * g->groups, cost(g), forward_body, &r);
}

static void backward_body(const void *context, long begin, long end) {
  const grouped *r = context;
  const long step = r->g.channels, width = r->width, pixels = r->g.pixels;
  const double count = (double)pixels * (double)width;
  for (long task = begin; task < end; task++) {
    const long first = first_of(r, task), channel = task % r->g.groups * width;
    const double mean = r->mean[task], scale = r->scale[task];
    double sum = 0, products = 0;
    for (long p = 0; p < pixels; p++)
      for (long c = 0; c < width; c++) {
        const long at = first + p * step + c;
        const double change = r->dy[at] * (r->gamma ? r->gamma[channel + c] : 1.0);
        sum += change;
        products += change * (r->x[at] - mean) * scale;
      }
    for (long p = 0; p < pixels; p++)
      for (long c = 0; c < width; c++) {
        const long at = first + p * step + c;
        const double change = r->dy[at] * (r->gamma ? r->gamma[channel + c] : 1.0);
        const double normal = (r->x[at] - mean) * scale;
        r->y[at] = (float)(scale * (change - sum / count - normal * products / count));
      }
  }
}

void ck_group_backward(float *dx, const float *dy, const float *x, const float *mean,
                       const float *scale, const float *gamma, const ck_group *g) {
  grouped r = prepare(g);
  r.y = dx;
  r.dy = dy;
  r.x = x;
  r.mean = mean;
  r.scale = scale;
  r.gamma = gamma;
  ck_parallel(g->samples * g->groups, cost(g), backward_body, &r);
}

static void parameters_body(const void *context, long begin, long end) {
  const grouped *r = context;
  const long step = r->g.channels;
  for (long c = begin; c < end; c++) {
    double sum = 0, products = 0;
    for (long n = 0; n < r->g.samples; n++) {
      const long task = n * r->g.groups + c / r->width;
      const double mean = r->mean[task], scale = r->scale[task];
      for (long p = 0; p < r->g.pixels; p++) {
        const long at = (n * r->g.pixels + p) * step + c;
        sum += r->dy[at];
        products += r->dy[at] * (r->x[at] - mean) * scale;
      }
    }
    if (r->dgamma) r->dgamma[c] = (float)products;
    if (r->dbeta) r->dbeta[c] = (float)sum;
  }
}

void ck_group_parameters(float *dgamma, float *dbeta, const float *dy, const float *x,
                         const float *mean, const float *scale, const ck_group *g) {
  grouped r = prepare(g);
  r.dgamma = dgamma;
  r.dbeta = dbeta;
  r.dy = dy;
  r.x = x;
  r.mean = mean;
  r.scale = scale;
  ck_parallel(g->channels, cost(g), parameters_body, &r);
}
