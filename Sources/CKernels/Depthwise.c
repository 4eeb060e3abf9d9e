#include "Internal.h"

// The gradient of a depthwise convolution's weights, which oneDNN has for small windows only. The lanes
// of a block are channels that do not see each other. A task is one row of the window in one block: its
// sums stay in registers while a sample's pixels pass by.

enum { MOST_COLUMNS = 8 };

typedef struct {
  ck_depthwise d;
  float *dw, *db;
  const float *x, *dy;
} depthwise;

// One row of output pixels. Columns of the window that hang over an edge meet nothing there.
INLINE void row_sums(const ck_depthwise *d, const float *x, const float *dy, v16 *sums, v16 *bias,
                     long first, const int lanes, const int columns) {
  for (long o = 0; o < d->out_width; o++) {
    const v16 change = get(dy + o * lanes, lanes);
    const long at = o * d->stride_x + first * d->dilation_x - d->left;
    *bias += change;
    if (at >= 0 && at + (columns - 1) * d->dilation_x < d->width) {
#pragma clang loop unroll(full)
      for (int c = 0; c < columns; c++)
        sums[c] += change * get(x + (at + c * d->dilation_x) * lanes, lanes);
    } else {
#pragma clang loop unroll(full)
      for (int c = 0; c < columns; c++) {
        const long column = at + c * d->dilation_x;
        if (column >= 0 && column < d->width) sums[c] += change * get(x + column * lanes, lanes);
      }
    }
  }
}

// Columns `first` to `first + columns - 1` of one row of the window.
INLINE void window_sums(const depthwise *k, long block, long row, long first, const int lanes,
                        const int columns) {
  const ck_depthwise *d = &k->d;
  v16 total[MOST_COLUMNS] = {{0}}, total_bias = {0};
  for (long sample = 0; sample < d->samples; sample++) {
    const long plane = sample * d->blocks + block;
    const float *x = k->x + plane * d->height * d->width * lanes;
    const float *dy = k->dy + plane * d->out_height * d->out_width * lanes;
    // A sample by itself, so that a sum does not grow too large for what is added to it.
    v16 sums[MOST_COLUMNS] = {{0}}, bias = {0};
    for (long o = 0; o < d->out_height; o++) {
      const long at = o * d->stride_y + row * d->dilation_y - d->top;
      if (at < 0 || at >= d->height) {
        for (long c = 0; c < d->out_width; c++)
          bias += get(dy + (o * d->out_width + c) * lanes, lanes);
        continue;
      }
      row_sums(d, x + at * d->width * lanes, dy + o * d->out_width * lanes, sums, &bias, first,
               lanes, columns);
    }
#pragma clang loop unroll(full)
    for (int c = 0; c < columns; c++) total[c] += sums[c];
    total_bias += bias;
  }
  float *dw = k->dw + ((block * d->rows + row) * d->columns + first) * lanes;
#pragma clang loop unroll(full)
  for (int c = 0; c < columns; c++) put(dw + c * lanes, total[c], lanes);
  if (k->db && row == 0 && first == 0) put(k->db + block * lanes, total_bias, lanes);
}

INLINE void window_row(const depthwise *k, long block, long row, const int lanes) {
  for (long first = 0; first < k->d.columns; first += MOST_COLUMNS) {
    switch (min_l(k->d.columns - first, MOST_COLUMNS)) {
      case 1: window_sums(k, block, row, first, lanes, 1); break;
      case 2: window_sums(k, block, row, first, lanes, 2); break;
      case 3: window_sums(k, block, row, first, lanes, 3); break;
      case 4: window_sums(k, block, row, first, lanes, 4); break;
      case 5: window_sums(k, block, row, first, lanes, 5); break;
      case 6: window_sums(k, block, row, first, lanes, 6); break;
      case 7: window_sums(k, block, row, first, lanes, 7); break;
      default: window_sums(k, block, row, first, lanes, MOST_COLUMNS); break;
    }
  }
}

VERSIONS static void depthwise_body(const void *context, long begin, long end) {
  const depthwise *k = context;
  for (long task = begin; task < end; task++) {
    const long block = task / k->d.rows, row = task % k->d.rows;
    if (k->d.lanes == 16) window_row(k, block, row, 16);
    else window_row(k, block, row, 8);
  }
}

void ck_depthwise_weights(float *dw, float *db, const float *x, const float *dy,
                          const ck_depthwise *d) {
  const depthwise k = {.d = *d, .dw = dw, .db = db, .x = x, .dy = dy};
  const long pixels = d->out_height * d->out_width;
  ck_parallel(d->blocks * d->rows, d->samples * d->blocks * pixels * d->lanes * d->rows,
              depthwise_body, &k);
}
