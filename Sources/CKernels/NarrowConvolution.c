#include "Internal.h"

// Convolutions with too few channels to fill a vector with them: the vector is 16 samples instead.
// A tile of T channels and P neighbouring pixels stays in registers while all taps pass by.

enum { MAX_T = 8, MAX_P = 6 };

// Both directions of the data are one loop: destination pixel o meets source pixel
// (a * o + b * k + c) / divisor at tap k, where that is whole and inside.
typedef struct {
  long source, destination;  // extents
  long taps, a, b, c, divisor;
} axis;

typedef struct {
  float *y;
  const float *x, *w, *bias;
  long groups, sources, destinations;  // groups of samples; channels
  axis rows, columns;
  long tap_step, source_step, destination_step;  // in w
  int relu;
} correlation;

INLINE long meets(const axis *a, long o, long k) {
  const long at = a->a * o + a->b * k + a->c;
  if (a->divisor != 1 && (at < 0 || at % a->divisor != 0)) return -1;
  const long pixel = a->divisor == 1 ? at : at / a->divisor;
  return pixel < a->source ? pixel : -1;
}

// Whether every tap of destination pixels o to o + count - 1 lies inside.
INLINE int is_interior(const axis *a, long o, long count) {
  if (a->divisor != 1 || o + count > a->destination) return 0;
  const long first = a->a * o + a->c, last = first + a->a * (count - 1);
  const long reach = a->b * (a->taps - 1);
  return min_l(first, first + reach) >= 0 && max_l(last, last + reach) < a->source;
}

INLINE void tile(const correlation *k, const float *x, float *y, long channel, long row,
                 long column, const int T, const int P, const int checks) {
  v16 sums[MAX_P][MAX_T];
#pragma clang loop unroll(full)
  for (int t = 0; t < T; t++) {
    const v16 start = k->bias ? splat(k->bias[channel + t]) : (v16){0};
#pragma clang loop unroll(full)
    for (int p = 0; p < P; p++) sums[p][t] = start;
  }
  const axis *columns = &k->columns;
  const long plane = k->rows.source * columns->source;
  const long next = columns->a * 16;
  for (long r = 0; r < k->rows.taps; r++) {
    const long from = meets(&k->rows, row, r);
    if (from < 0) continue;
    for (long c = 0; c < columns->taps; c++) {
      long at = columns->a * column + columns->b * c + columns->c;
      if (checks) {
        at = meets(columns, column, c);
        if (at < 0) continue;
      }
      const float *source = x + (from * columns->source + at) * 16;
      const float *w = k->w + (r * columns->taps + c) * k->tap_step
                     + channel * k->destination_step;
      for (long s = 0; s < k->sources; s++) {
        v16 values[MAX_P];
#pragma clang loop unroll(full)
        for (int p = 0; p < P; p++) values[p] = load(source + p * next);
#pragma clang loop unroll(full)
        for (int t = 0; t < T; t++) {
          const v16 weight = splat(w[t * k->destination_step]);
#pragma clang loop unroll(full)
          for (int p = 0; p < P; p++) sums[p][t] += values[p] * weight;
        }
        source += plane * 16;
        w += k->source_step;
      }
    }
  }
  const long size = k->rows.destination * columns->destination;
  float *to = y + (channel * size + row * columns->destination + column) * 16;
#pragma clang loop unroll(full)
  for (int t = 0; t < T; t++)
#pragma clang loop unroll(full)
    for (int p = 0; p < P; p++) {
      v16 v = sums[p][t];
      if (k->relu) v = keep(~(v <= 0), v);
      store(to + (t * size + p) * 16, v);
    }
}

INLINE void tile_row(const correlation *k, const float *x, float *y, long channel, long row,
                     const int T, const int P) {
  for (long column = 0; column < k->columns.destination;) {
    if (is_interior(&k->columns, column, P)) {
      tile(k, x, y, channel, row, column, T, P, 0);
      column += P;
    } else {
      tile(k, x, y, channel, row, column, T, 1, 1);
      column++;
    }
  }
}

VERSIONS static void correlate_body(const void *context, long begin, long end) {
  const correlation *k = context;
  for (long task = begin; task < end; task++) {
    const long group = task / k->rows.destination, row = task % k->rows.destination;
    const float *x = k->x + group * k->sources * k->rows.source * k->columns.source * 16;
    float *y = k->y + group * k->destinations * k->rows.destination * k->columns.destination * 16;
    for (long channel = 0; channel < k->destinations;) {
      const long left = k->destinations - channel;
      // As many sums as there are registers for.
      switch (min_l(left, left > 8 && left < 16 ? (left + 1) / 2 : 8)) {
        case 1: tile_row(k, x, y, channel, row, 1, 6); channel += 1; break;
        case 2: tile_row(k, x, y, channel, row, 2, 6); channel += 2; break;
        case 3: tile_row(k, x, y, channel, row, 3, 6); channel += 3; break;
        case 4: tile_row(k, x, y, channel, row, 4, 5); channel += 4; break;
        case 5: tile_row(k, x, y, channel, row, 5, 4); channel += 5; break;
        case 6: tile_row(k, x, y, channel, row, 6, 4); channel += 6; break;
        case 7: tile_row(k, x, y, channel, row, 7, 3); channel += 7; break;
        default: tile_row(k, x, y, channel, row, 8, 3); channel += 8; break;
      }
    }
  }
}

static long cost(const ck_conv *c) {
  return c->groups * 16 * c->oh * c->ow * c->kh * c->kw * c->inputs * c->outputs / 8;
}

void ck_conv_forward(float *y, const float *x, const float *w, const float *bias, int relu,
                     const ck_conv *c) {
  const correlation k = {
      .y = y, .x = x, .w = w, .bias = bias, .relu = relu, .groups = c->groups,
      .sources = c->inputs, .destinations = c->outputs,
      .rows = {c->h, c->oh, c->kh, c->sh, c->dh, -c->top, 1},
      .columns = {c->w, c->ow, c->kw, c->sw, c->dw, -c->left, 1},
      .tap_step = c->inputs * c->outputs, .source_step = c->outputs, .destination_step = 1};
  ck_parallel(c->groups * c->oh, cost(c), correlate_body, &k);
}

void ck_conv_backward_data(float *dx, const float *dy, const float *w, const ck_conv *c) {
  const correlation k = {
      .y = dx, .x = dy, .w = w, .groups = c->groups,
      .sources = c->outputs, .destinations = c->inputs,
      .rows = {c->oh, c->h, c->kh, 1, -c->dh, c->top, c->sh},
      .columns = {c->ow, c->w, c->kw, 1, -c->dw, c->left, c->sw},
      .tap_step = c->inputs * c->outputs, .source_step = 1, .destination_step = c->outputs};
  ck_parallel(c->groups * c->h, cost(c), correlate_body, &k);
}

// ---- Gradient of the weights ----

typedef struct {
  ck_conv c;
  float *dw, *db;
  const float *x, *dy;
  long tile, tiles;  // output channels at once; pieces of that size
} gradient;

enum { TILE = 4, MAX_K = 5 };

INLINE long first_inside(long pad, long offset, long stride) {
  return max_l(0, (pad - offset + stride - 1) / stride);
}

// The taps [k0, k0 + K) of kernel row r, for one input channel and T output channels.
INLINE void weight_taps(const gradient *g, long r, long input, long output, long k0, const int T,
                        const int K) {
  const ck_conv *c = &g->c;
  v16 sums[MAX_K][TILE];
#pragma clang loop unroll(full)
  for (int k = 0; k < K; k++)
#pragma clang loop unroll(full)
    for (int t = 0; t < T; t++) sums[k][t] = (v16){0};

  const long image = c->h * c->w, result = c->oh * c->ow;
  // Where all K taps lie inside the row.
  const long begin = min_l(c->ow, first_inside(c->left, k0 * c->dw, c->sw));
  const long room = c->w - 1 + c->left - (k0 + K - 1) * c->dw;
  const long end = max_l(begin, min_l(c->ow, room < 0 ? 0 : room / c->sw + 1));
  for (long group = 0; group < c->groups; group++) {
    const float *x = g->x + (group * c->inputs + input) * image * 16;
    const float *dy = g->dy + (group * c->outputs + output) * result * 16;
    for (long oy = 0; oy < c->oh; oy++) {
      const long iy = oy * c->sh + r * c->dh - c->top;
      if (iy < 0 || iy >= c->h) continue;
      const float *row = x + (iy * c->w - c->left + k0 * c->dw) * 16;
      const float *change = dy + oy * c->ow * 16;
      for (long ox = 0; ox < c->ow; ox++) {
        v16 d[TILE];
#pragma clang loop unroll(full)
        for (int t = 0; t < T; t++) d[t] = load(change + (t * result + ox) * 16);
        if (ox >= begin && ox < end) {
#pragma clang loop unroll(full)
          for (int k = 0; k < K; k++) {
            const v16 v = load(row + (ox * c->sw + k * c->dw) * 16);
#pragma clang loop unroll(full)
            for (int t = 0; t < T; t++) sums[k][t] += v * d[t];
          }
        } else {
#pragma clang loop unroll(full)
          for (int k = 0; k < K; k++) {
            const long ix = ox * c->sw + (k0 + k) * c->dw - c->left;
            if (ix < 0 || ix >= c->w) continue;
            const v16 v = load(row + (ox * c->sw + k * c->dw) * 16);
#pragma clang loop unroll(full)
            for (int t = 0; t < T; t++) sums[k][t] += v * d[t];
          }
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int k = 0; k < K; k++)
#pragma clang loop unroll(full)
    for (int t = 0; t < T; t++) {
      float sum = 0;
      for (int lane = 0; lane < 16; lane++) sum += sums[k][t][lane];
      g->dw[((r * c->kw + k0 + k) * c->inputs + input) * c->outputs + output + t] = sum;
    }
}

INLINE void weight_row(const gradient *g, long r, long input, long output, const int T) {
  // More sums than 5 x 3 or 3 x 4 do not stay in registers.
  for (long k = 0; k < g->c.kw;) {
    switch (min_l(g->c.kw - k, T == 4 ? 3 : 5)) {
      case 1: weight_taps(g, r, input, output, k, T, 1); k += 1; break;
      case 2: weight_taps(g, r, input, output, k, T, 2); k += 2; break;
      case 3: weight_taps(g, r, input, output, k, T, 3); k += 3; break;
      case 4: weight_taps(g, r, input, output, k, T, 4); k += 4; break;
      default: weight_taps(g, r, input, output, k, T, 5); k += 5; break;
    }
  }
}

VERSIONS static void weights_body(const void *context, long begin, long end) {
  const gradient *g = context;
  const ck_conv *c = &g->c;
  for (long task = begin; task < end; task++) {
    const long r = task % c->kh, input = task / c->kh % c->inputs;
    const long output = task / c->kh / c->inputs * g->tile;
    switch (min_l(c->outputs - output, g->tile)) {
      case 1: weight_row(g, r, input, output, 1); break;
      case 2: weight_row(g, r, input, output, 2); break;
      case 3: weight_row(g, r, input, output, 3); break;
      default: weight_row(g, r, input, output, 4); break;
    }
  }
}

VERSIONS static void bias_body(const void *context, long begin, long end) {
  const gradient *g = context;
  const ck_conv *c = &g->c;
  const long result = c->oh * c->ow;
  for (long output = begin; output < end; output++) {
    v16 sum = {0};
    for (long group = 0; group < c->groups; group++) {
      const float *dy = g->dy + (group * c->outputs + output) * result * 16;
      v16 part = {0};
      for (long p = 0; p < result; p++) part += load(dy + p * 16);
      sum += part;
    }
    float total = 0;
    for (int lane = 0; lane < 16; lane++) total += sum[lane];
    g->db[output] = total;
  }
}

void ck_conv_backward_weights(float *dw, float *db, const float *x, const float *dy,
                              const ck_conv *c) {
  const long tile = c->kw % 3 == 0 ? 4 : 3;
  const gradient g = {.c = *c, .dw = dw, .db = db, .x = x, .dy = dy, .tile = tile,
                      .tiles = (c->outputs + tile - 1) / tile};
  ck_parallel(g.tiles * c->inputs * c->kh, cost(c), weights_body, &g);
  if (db) ck_parallel(c->outputs, c->groups * 16 * c->outputs * c->oh * c->ow, bias_body, &g);
}
