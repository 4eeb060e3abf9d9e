// A convolution, or its adjoint, by Winograd's method: what it reads and writes, however the products are made.
#pragma once
#include "Winograd.h"

enum { FEW_TILES = 4 };  // whose sums of six frequencies stay in registers

typedef struct {
  tiling source, target;
  const float *x, *w, *bias;
  float *y;
  int is_adjoint, adds, relu;
  enum { BY_TILES, BY_TARGETS, BY_TARGETS_IN_REGISTERS } way;  // what threads take, and how
  long shares;
  float *room;
  long images, weights, products;              // where they begin in the room
  long image_room, weight_room, product_room;  // of one share; 0 for what all share
} pass;

// 16 x 16: four times the rows of one half are shuffled into those of the other.
INLINE void transpose(float *to, const float *from) {
  v16 rows[16], next[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) rows[i] = load(from + i * 16);
#pragma clang loop unroll(full)
  for (int stage = 0; stage < 4; stage++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20,
                                            5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + 8], 8, 24, 9, 25, 10, 26, 11, 27,
                                                12, 28, 13, 29, 14, 30, 15, 31);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) rows[i] = next[i];
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) store(to + i * 16, rows[i]);
}

enum { TAP = 16 * 16, TAPS = WINDOW * WINDOW };

// The weights of one pair of blocks as they are stored, [9][16][16].
INLINE const float *stored_taps(const pass *k, long target, long source) {
  const long pair = k->is_adjoint ? source * k->target.blocks + target : target * k->source.blocks + source;
  return k->w + pair * TAPS * TAP;
}

// The nine [source channel][target channel] of one pair of blocks. The adjoint's are turned by 180 degrees.
INLINE const float *taps(const pass *k, long target, long source, float *room) {
  const float *w = stored_taps(k, target, source);
  if (!k->is_adjoint) return w;
  for (int tap = 0; tap < TAPS; tap++) transpose(room + tap * TAP, w + (TAPS - 1 - tap) * TAP);
  return room;
}

// Those that come next, or null.
INLINE const float *upcoming_taps(const pass *k, long target, long source) {
  if (source + 1 < k->source.blocks) return stored_taps(k, target, source + 1);
  return target + 1 < k->target.blocks ? stored_taps(k, target + 1, 0) : NULL;
}

// Asks for one of some parts of a pair's weights; that nine rows are read in turn, the processor does not see.
INLINE void prefetch_taps(const float *w, long part, const long parts) {
  if (!w) return;
  const long size = TAPS * TAP / parts;
#pragma clang loop unroll(full)
  for (long i = 0; i < size; i += 16) __builtin_prefetch(w + part * size + i);
}

// `count` tiles of one target block, from m whose frequencies lie `frequency` apart.
INLINE void transform_outputs(const pass *k, const float *m, long frequency, long block, long first,
                              long count) {
  const tiling *s = &k->target;
  const v16 bias = k->bias ? load(k->bias + block * 16) : (v16){0};
  for (long t = 0; t < count; t++) {
    const place p = find_tile(s, first + t, block, TILE);
    v16 columns[TILE * IMAGE], column[IMAGE], row[TILE];
#pragma clang loop unroll(full)
    for (int c = 0; c < IMAGE; c++) {
#pragma clang loop unroll(full)
      for (int r = 0; r < IMAGE; r++) column[r] = load(m + (r * IMAGE + c) * frequency + t * 16);
      transform_products(columns + c, IMAGE, column, 1);
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < TILE; r++) {
      if (r >= p.last_row) break;
      transform_products(row, 1, columns + r * IMAGE, 1);
#pragma clang loop unroll(full)
      for (int c = 0; c < TILE; c++) {
        if (c >= p.last_column) break;
        float *to = k->y + p.start + (r * s->width + c) * 16;
        v16 y = row[c] + bias;
        if (k->adds) y += load(to);
        if (k->relu) y = keep(~(y <= 0), y);
        store(to, y);
      }
    }
  }
}

// What a thread does with its shares of the target blocks where there are at most FEW_TILES.
void winograd_few_tiles(const void *pass, long begin, long end);
