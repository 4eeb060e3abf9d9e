// Winograd's transforms for tiles of 4 x 4 outputs and windows of 3 x 3: what polynomials are at the points
// 0, a, -a, b, -b and infinity. With 5/8 and 3/2 rounding errors are half of those with 1 and 2.
//
// Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR 2016; the general form is in
// Barabasz et al., Error analysis and improving the accuracy of Winograd convolution, 2020.
#pragma once
#include "Internal.h"

enum { WINDOW = 3, TILE = 4, IMAGE = TILE + WINDOW - 1, FREQUENCIES = IMAGE * IMAGE };

#define A 0.625f
#define B 1.5f
#define A2 (A * A)
#define B2 (B * B)
// What the window's polynomial is divided by: the other points' distances.
#define AT_0 (1 / (A2 * B2))
#define AT_A (1 / (2 * A2 * (A2 - B2)))
#define AT_B (1 / (2 * B2 * (B2 - A2)))

// Each transforms one row or column; `next` and `step` are how far one number is from the next.

// 6 pixels of an image.
INLINE void transform_image(v16 *to, long step, const v16 *x, long next) {
  const v16 x1 = x[next], x2 = x[2 * next], x3 = x[3 * next], x4 = x[4 * next];
  const v16 even_a = x4 - B2 * x2, odd_a = A * x3 - A * B2 * x1;
  const v16 even_b = x4 - A2 * x2, odd_b = B * x3 - B * A2 * x1;
  to[0] = A2 * B2 * x[0] - (A2 + B2) * x2 + x4;
  to[step] = even_a + odd_a;
  to[2 * step] = even_a - odd_a;
  to[3 * step] = even_b + odd_b;
  to[4 * step] = even_b - odd_b;
  to[5 * step] = A2 * B2 * x1 - (A2 + B2) * x3 + x[5 * next];
}

// 3 weights of a window.
INLINE void transform_window(v16 *to, long step, const v16 *w, long next) {
  const v16 w0 = w[0], w1 = w[next], w2 = w[2 * next];
  const v16 even_a = AT_A * w0 + AT_A * A2 * w2, odd_a = AT_A * A * w1;
  const v16 even_b = AT_B * w0 + AT_B * B2 * w2, odd_b = AT_B * B * w1;
  to[0] = AT_0 * w0;
  to[step] = even_a + odd_a;
  to[2 * step] = even_a - odd_a;
  to[3 * step] = even_b + odd_b;
  to[4 * step] = even_b - odd_b;
  to[5 * step] = w2;
}

// Back from 6 products to 4 outputs.
INLINE void transform_products(v16 *to, long step, const v16 *m, long next) {
  const v16 sum_a = m[next] + m[2 * next], difference_a = m[next] - m[2 * next];
  const v16 sum_b = m[3 * next] + m[4 * next], difference_b = m[3 * next] - m[4 * next];
  to[0] = m[0] + sum_a + sum_b;
  to[step] = A * difference_a + B * difference_b;
  to[2 * step] = A2 * sum_a + B2 * sum_b;
  to[3 * step] = A * A2 * difference_a + B * B2 * difference_b + m[5 * next];
}

// The adjoint of that: 4 gradients of outputs.
INLINE void transform_change(v16 *to, long step, const v16 *y, long next) {
  const v16 y0 = y[0], y1 = y[next], y2 = y[2 * next], y3 = y[3 * next];
  const v16 even_a = y0 + A2 * y2, odd_a = A * y1 + A * A2 * y3;
  const v16 even_b = y0 + B2 * y2, odd_b = B * y1 + B * B2 * y3;
  to[0] = y0;
  to[step] = even_a + odd_a;
  to[2 * step] = even_a - odd_a;
  to[3 * step] = even_b + odd_b;
  to[4 * step] = even_b - odd_b;
  to[5 * step] = y3;
}

// The adjoint of the window's: back to 3 gradients of weights.
INLINE void transform_gradient(v16 *to, long step, const v16 *u, long next) {
  const v16 sum_a = u[next] + u[2 * next], difference_a = u[next] - u[2 * next];
  const v16 sum_b = u[3 * next] + u[4 * next], difference_b = u[3 * next] - u[4 * next];
  to[0] = AT_0 * u[0] + AT_A * sum_a + AT_B * sum_b;
  to[step] = AT_A * A * difference_a + AT_B * B * difference_b;
  to[2 * step] = AT_A * A2 * sum_a + AT_B * B2 * sum_b + u[5 * next];
}

// The tiles of images [samples][blocks][height][width][16].
typedef struct {
  long samples, blocks, height, width;
  long rows, columns;  // of tiles in an image
  long top, left;      // where the first tile begins before the image
} tiling;

INLINE long tiles_of(const tiling *t) { return t->samples * t->rows * t->columns; }

// Where a tile of `size` pixels lies, and which of its rows and columns are inside the image.
typedef struct {
  long start;  // of its first pixel, in floats; before the image if that is outside
  long first_row, last_row, first_column, last_column;
} place;

INLINE place find_tile(const tiling *t, long tile, long block, const long size) {
  const long column = tile % t->columns, rest = tile / t->columns;
  const long y = rest % t->rows * TILE - t->top, x = column * TILE - t->left;
  const long plane = rest / t->rows * t->blocks + block;
  return (place){
      .start = ((plane * t->height + y) * t->width + x) * 16,
      .first_row = max_l(0, -y), .last_row = min_l(size, t->height - y),
      .first_column = max_l(0, -x), .last_column = min_l(size, t->width - x)};
}

// Reads one column of a tile, with zeros outside the image.
INLINE void read_column(v16 *to, const float *x, const tiling *t, const place *p, long column,
                        const long size) {
  if (column < p->first_column || column >= p->last_column) {
#pragma clang loop unroll(full)
    for (long r = 0; r < size; r++) to[r] = (v16){0};
    return;
  }
  const float *from = x + p->start + column * 16;
#pragma clang loop unroll(full)
  for (long r = 0; r < size; r++)
    to[r] = r >= p->first_row && r < p->last_row ? load(from + r * t->width * 16) : (v16){0};
}

// From one frequency to the next, in floats: a line more than needed, so that they do not compete for the
// same lines of the cache.
INLINE long spread(long rows, long columns) { return rows * columns * 16 + 16; }

// Transforms `count` tiles of images x, from `first` on, to the beginning of v [36][block][tiles][16].
INLINE void transform_images(const tiling *s, const float *x, float *v, long tiles, long first,
                             long count) {
  for (long block = 0; block < s->blocks; block++)
    for (long t = 0; t < count; t++) {
      const place p = find_tile(s, first + t, block, IMAGE);
      v16 columns[FREQUENCIES], column[IMAGE], row[IMAGE];
#pragma clang loop unroll(full)
      for (int c = 0; c < IMAGE; c++) {
        read_column(column, x, s, &p, c, IMAGE);
        transform_image(columns + c, IMAGE, column, 1);
      }
      float *to = v + (block * tiles + t) * 16;
#pragma clang loop unroll(full)
      for (int r = 0; r < IMAGE; r++) {
        transform_image(row, 1, columns + r * IMAGE, 1);
#pragma clang loop unroll(full)
        for (int c = 0; c < IMAGE; c++)
          store(to + (r * IMAGE + c) * spread(s->blocks, tiles), row[c]);
      }
    }
}
