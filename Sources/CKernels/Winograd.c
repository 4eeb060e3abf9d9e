#include "WinogradPass.h"

// Convolutions of windows of 3 x 3 at every pixel. The 36 numbers of a transformed tile ("frequencies") are
// multiplied by those of the transformed weights, a matrix product over the channels for each of them.
//
//   images    v [36][source block][tile][16]
//   weights   u [pair of target blocks][36][source channel][32]
//   products  m [36][target block][tile][16]
//
// Where there are more tiles than channels, the weights are transformed once, and a thread takes some tiles
// at a time from image to output. Where there are fewer, the images are transformed once, and a thread takes
// a pair of target blocks at a time, with some of its weights. Very few tiles have loops of their own
// (WinogradFewTiles.c).

enum {
  MOST_TILES = 14,      // whose sums stay in registers, for two blocks
  PATCH = 56,           // tiles that go through all steps together
  CHUNK = 4,            // source blocks whose weights are transformed together
};

INLINE long pairs_of(const pass *k) { return (k->target.blocks + 1) / 2; }
INLINE long width_of(const pass *k, long pair) { return min_l(2, k->target.blocks - 2 * pair); }

// ---- Weights ----

// Some source blocks of one pair of target blocks, [36][source channel][16 * width].
INLINE void transform_weights(const pass *k, float *u, long pair, long first, long blocks) {
  const long width = width_of(k, pair);
  float room[9 * 16 * 16];
  for (long half = 0; half < width; half++)
    for (long block = 0; block < blocks; block++) {
      const float *w = taps(k, 2 * pair + half, first + block, room);
      const float *upcoming = upcoming_taps(k, 2 * pair + half, first + block);
      for (long channel = 0; channel < 16; channel++) {
        v16 window[9], columns[IMAGE * WINDOW], row[IMAGE];
        prefetch_taps(upcoming, channel, 16);
#pragma clang loop unroll(full)
        for (int tap = 0; tap < 9; tap++) window[tap] = load(w + (tap * 16 + channel) * 16);
#pragma clang loop unroll(full)
        for (int c = 0; c < WINDOW; c++) transform_window(columns + c, WINDOW, window + c, WINDOW);
        float *to = u + ((block * 16 + channel) * width + half) * 16;
#pragma clang loop unroll(full)
        for (int r = 0; r < IMAGE; r++) {
          transform_window(row, 1, columns + r * WINDOW, 1);
#pragma clang loop unroll(full)
          for (int c = 0; c < IMAGE; c++)
            store(to + (r * IMAGE + c) * spread(blocks * 16, width), row[c]);
        }
      }
    }
}

// ---- Products ----

typedef struct {
  const float *v, *u;
  float *m;
  long v_block, m_block;  // from one block to the next
  long blocks;            // of the source
  int adds;               // to what m holds
} product;

INLINE void multiply_tiles(const product *p, long first, const int tiles, const int width) {
  v16 sums[MOST_TILES][2];
#pragma clang loop unroll(full)
  for (int t = 0; t < tiles; t++)
#pragma clang loop unroll(full)
    for (int h = 0; h < width; h++)
      sums[t][h] = p->adds ? load(p->m + h * p->m_block + (first + t) * 16) : (v16){0};
  const float *u = p->u, *v = p->v + first * 16;
  for (long block = 0; block < p->blocks; block++, v += p->v_block)
    for (long channel = 0; channel < 16; channel++, u += width * 16) {
      v16 w[2];
#pragma clang loop unroll(full)
      for (int h = 0; h < width; h++) w[h] = load(u + h * 16);
#pragma clang loop unroll(full)
      for (int t = 0; t < tiles; t++) {
        const v16 value = splat(v[t * 16 + channel]);
#pragma clang loop unroll(full)
        for (int h = 0; h < width; h++) sums[t][h] += value * w[h];
      }
    }
#pragma clang loop unroll(full)
  for (int t = 0; t < tiles; t++)
#pragma clang loop unroll(full)
    for (int h = 0; h < width; h++) store(p->m + h * p->m_block + (first + t) * 16, sums[t][h]);
}

INLINE void multiply_width(const product *p, long tiles, const int width) {
  const long parts = (tiles + MOST_TILES - 1) / MOST_TILES;
  for (long part = 0; part < parts; part++) {
    const long first = tiles * part / parts, last = tiles * (part + 1) / parts;
    switch (last - first) {
      case 1: multiply_tiles(p, first, 1, width); break;
      case 2: multiply_tiles(p, first, 2, width); break;
      case 3: multiply_tiles(p, first, 3, width); break;
      case 4: multiply_tiles(p, first, 4, width); break;
      case 5: multiply_tiles(p, first, 5, width); break;
      case 6: multiply_tiles(p, first, 6, width); break;
      case 7: multiply_tiles(p, first, 7, width); break;
      case 8: multiply_tiles(p, first, 8, width); break;
      case 9: multiply_tiles(p, first, 9, width); break;
      case 10: multiply_tiles(p, first, 10, width); break;
      case 11: multiply_tiles(p, first, 11, width); break;
      case 12: multiply_tiles(p, first, 12, width); break;
      case 13: multiply_tiles(p, first, 13, width); break;
      default: multiply_tiles(p, first, MOST_TILES, width); break;
    }
  }
}

INLINE void multiply(const product *p, long tiles, long width) {
  if (width == 2) multiply_width(p, tiles, 2);
  else multiply_width(p, tiles, 1);
}

// ---- Threads that take tiles ----

INLINE float *weights_of(const pass *k, long pair) {
  return k->room + k->weights + pair * FREQUENCIES * spread(k->source.blocks * 16, 2);
}

VERSIONS static void weights_body(const void *context, long begin, long end) {
  const pass *k = context;
  for (long pair = begin; pair < end; pair++)
    transform_weights(k, weights_of(k, pair), pair, 0, k->source.blocks);
}

INLINE void patch(const pass *k, long share, long first, long count) {
  float *v = k->room + k->images + share * k->image_room;
  float *m = k->room + k->products + share * k->product_room;
  const long sources = k->source.blocks, v_frequency = spread(sources, count);
  const long m_frequency = spread(k->target.blocks, count);
  transform_images(&k->source, k->x, v, count, first, count);
  for (long f = 0; f < FREQUENCIES; f++)
    for (long pair = 0; pair < pairs_of(k); pair++) {
      const long width = width_of(k, pair);
      const product p = {
          .v = v + f * v_frequency, .v_block = count * 16, .blocks = sources,
          .u = weights_of(k, pair) + f * spread(sources * 16, width),
          .m = m + f * m_frequency + 2 * pair * count * 16, .m_block = count * 16};
      multiply(&p, count, width);
    }
  for (long block = 0; block < k->target.blocks; block++)
    transform_outputs(k, m + block * count * 16, m_frequency, block, first, count);
}

VERSIONS static void patches_body(const void *context, long begin, long end) {
  const pass *k = context;
  const long tiles = tiles_of(&k->target);
  for (long share = begin; share < end; share++) {
    const long first = tiles * share / k->shares, count = tiles * (share + 1) / k->shares - first;
    const long parts = (count + PATCH - 1) / PATCH;
    for (long part = 0; part < parts; part++) {
      const long from = count * part / parts, to = count * (part + 1) / parts;
      patch(k, share, first + from, to - from);
    }
  }
}

// ---- Threads that take target blocks ----

VERSIONS static void images_body(const void *context, long begin, long end) {
  const pass *k = context;
  transform_images(&k->source, k->x, k->room + k->images + begin * 16, tiles_of(&k->source), begin,
                   end - begin);
}

VERSIONS static void pairs_body(const void *context, long begin, long end) {
  const pass *k = context;
  const long tiles = tiles_of(&k->target), sources = k->source.blocks;
  for (long share = begin; share < end; share++) {
    float *u = k->room + k->weights + share * k->weight_room;
    float *m = k->room + k->products + share * k->product_room;
    const long frequency = spread(2, tiles);
    const long last = pairs_of(k) * (share + 1) / k->shares;
    for (long pair = pairs_of(k) * share / k->shares; pair < last; pair++) {
      const long width = width_of(k, pair);
      for (long chunk = 0; chunk < sources; chunk += CHUNK) {
        const long blocks = min_l(CHUNK, sources - chunk);
        transform_weights(k, u, pair, chunk, blocks);
        for (long f = 0; f < FREQUENCIES; f++) {
          const product p = {
              .v = k->room + k->images + f * spread(sources, tiles) + chunk * tiles * 16,
              .v_block = tiles * 16, .blocks = blocks, .u = u + f * spread(blocks * 16, width),
              .m = m + f * frequency, .m_block = tiles * 16, .adds = chunk > 0};
          multiply(&p, tiles, width);
        }
      }
      for (long half = 0; half < width; half++)
        transform_outputs(k, m + half * tiles * 16, frequency, 2 * pair + half, 0, tiles);
    }
  }
}

// ---- Both ----

static pass prepare(const ck_winograd *c, int is_adjoint, float *room) {
  const long rows = (c->out_height + TILE - 1) / TILE, columns = (c->out_width + TILE - 1) / TILE;
  pass k = {.room = room, .is_adjoint = is_adjoint,
            .source = {c->samples, c->inputs, c->height, c->width, rows, columns, c->top, c->left},
            .target = {c->samples, c->outputs, c->out_height, c->out_width, rows, columns, 0, 0}};
  if (is_adjoint) {
    const long back_rows = (c->height + TILE - 1) / TILE, back_columns = (c->width + TILE - 1) / TILE;
    k.source = (tiling){c->samples, c->outputs, c->out_height, c->out_width, back_rows, back_columns,
                        WINDOW - 1 - c->top, WINDOW - 1 - c->left};
    k.target = (tiling){c->samples, c->inputs, c->height, c->width, back_rows, back_columns, 0, 0};
  }
  const long tiles = tiles_of(&k.target), sources = k.source.blocks, targets = k.target.blocks;
  k.way = tiles <= FEW_TILES      ? BY_TARGETS_IN_REGISTERS
        : tiles < sources * 16    ? BY_TARGETS
                                  : BY_TILES;
  switch (k.way) {
    case BY_TARGETS_IN_REGISTERS:
      k.shares = min_l(ck_team(), targets);
      k.product_room = FREQUENCIES * spread(1, tiles);
      k.products = k.images + FREQUENCIES * spread(sources, tiles);
      break;
    case BY_TARGETS:
      k.shares = min_l(ck_team(), pairs_of(&k));
      k.weight_room = FREQUENCIES * spread(CHUNK * 16, 2);
      k.product_room = FREQUENCIES * spread(2, tiles);
      k.weights = k.images + FREQUENCIES * spread(sources, tiles);
      k.products = k.weights + k.shares * k.weight_room;
      break;
    case BY_TILES:
      k.shares = min_l(ck_team(), tiles);
      k.image_room = FREQUENCIES * spread(sources, PATCH);
      k.product_room = FREQUENCIES * spread(targets, PATCH);
      k.images = FREQUENCIES * spread(sources * 16, 2) * pairs_of(&k);
      k.products = k.images + k.shares * k.image_room;
      break;
  }
  return k;
}

static long room_of(const pass *k) { return k->products + k->shares * k->product_room; }

static void run(const pass *k) {
  const long tiles = tiles_of(&k->target);
  const long cost = tiles * FREQUENCIES * k->source.blocks * k->target.blocks * 16;
  switch (k->way) {
    case BY_TARGETS_IN_REGISTERS:
      ck_parallel(tiles, cost, images_body, k);
      ck_parallel(k->shares, cost, winograd_few_tiles, k);
      break;
    case BY_TARGETS:
      ck_parallel(tiles, cost, images_body, k);
      ck_parallel(k->shares, cost, pairs_body, k);
      break;
    case BY_TILES:
      ck_parallel(pairs_of(k), cost, weights_body, k);
      ck_parallel(k->shares, cost, patches_body, k);
      break;
  }
}

long ck_winograd_room(const ck_winograd *c) {
  const pass forward = prepare(c, 0, NULL), adjoint = prepare(c, 1, NULL);
  return max_l(room_of(&forward), room_of(&adjoint));
}

void ck_winograd_forward(float *y, const float *x, const float *w, const float *bias, int adds, int relu,
                         const ck_winograd *c, float *room) {
  pass k = prepare(c, 0, room);
  k.y = y;
  k.x = x;
  k.w = w;
  k.bias = bias;
  k.adds = adds;
  k.relu = relu;
  run(&k);
}

void ck_winograd_backward_data(float *dx, const float *dy, const float *w, const ck_winograd *c,
                               float *room) {
  pass k = prepare(c, 1, room);
  k.y = dx;
  k.x = dy;
  k.w = w;
  run(&k);
}
