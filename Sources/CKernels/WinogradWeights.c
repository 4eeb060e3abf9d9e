#include "Winograd.h"

// The gradient of a window's weights: for each of the 36 frequencies the product of transformed images and
// transformed changes over all tiles, and that transformed back.
//
//   images   v [36][source block][tile][16]
//   changes  d [36][target block][tile][16]
//   sums     u [36][source channel][32], for each task: some source blocks and a pair of target blocks
//
// All threads transform some tiles, then all add up what belongs to their tasks. A sum goes over the tiles
// in their order, however many threads there are.

enum {
  CHUNK = 4,         // source blocks of a task
  FEW_TILES = 2,     // for which it would be most of the work to keep sums
  MOST_ROOM = 1 << 20,  // floats that hold transformed tiles
};

typedef struct {
  tiling image, change;
  const float *x, *dy;
  float *dw, *room;
  long chunk, chunks, tasks, shares;
  long parts, most;                        // parts of at most so many tiles
  long changes, sums;                      // where they begin in the room
  long first, count;                       // the tiles of this part
  int is_first, is_last;
} gradient;

INLINE long room_of_sums(const gradient *g) { return FREQUENCIES * spread(g->chunk * 16, 2); }

// ---- Tiles ----

INLINE void transform_changes(const tiling *s, const float *dy, float *d, long tiles, long first,
                              long count) {
  for (long block = 0; block < s->blocks; block++)
    for (long t = 0; t < count; t++) {
      const place p = find_tile(s, first + t, block, TILE);
      v16 columns[IMAGE * TILE], column[TILE], row[IMAGE];
#pragma clang loop unroll(full)
      for (int c = 0; c < TILE; c++) {
        read_column(column, dy, s, &p, c, TILE);
        transform_change(columns + c, TILE, column, 1);
      }
      float *to = d + (block * tiles + t) * 16;
#pragma clang loop unroll(full)
      for (int r = 0; r < IMAGE; r++) {
        transform_change(row, 1, columns + r * TILE, 1);
#pragma clang loop unroll(full)
        for (int c = 0; c < IMAGE; c++)
          store(to + (r * IMAGE + c) * spread(s->blocks, tiles), row[c]);
      }
    }
}

VERSIONS static void tiles_body(const void *context, long begin, long end) {
  const gradient *g = context;
  transform_images(&g->image, g->x, g->room + begin * 16, g->count, g->first + begin, end - begin);
  transform_changes(&g->change, g->dy, g->room + g->changes + begin * 16, g->count, g->first + begin,
                    end - begin);
}

// ---- Sums ----

enum { CHANNELS = 8 };  // whose sums stay in registers, for two target blocks

// u [channel][16 * width] += v [tile][channel] * d [tile][16 * width]
INLINE void add_products(float *u, const float *v, const float *d, long d_block, long tiles, int adds,
                         const int width) {
  v16 sums[CHANNELS][2];
#pragma clang loop unroll(full)
  for (int c = 0; c < CHANNELS; c++)
#pragma clang loop unroll(full)
    for (int h = 0; h < width; h++)
      sums[c][h] = adds ? load(u + (c * width + h) * 16) : (v16){0};
  for (long t = 0; t < tiles; t++) {
    v16 change[2];
#pragma clang loop unroll(full)
    for (int h = 0; h < width; h++) change[h] = load(d + h * d_block + t * 16);
#pragma clang loop unroll(full)
    for (int c = 0; c < CHANNELS; c++) {
      const v16 value = splat(v[t * 16 + c]);
#pragma clang loop unroll(full)
      for (int h = 0; h < width; h++) sums[c][h] += value * change[h];
    }
  }
#pragma clang loop unroll(full)
  for (int c = 0; c < CHANNELS; c++)
#pragma clang loop unroll(full)
    for (int h = 0; h < width; h++) store(u + (c * width + h) * 16, sums[c][h]);
}

typedef struct {
  long target, width;  // blocks
  long source, blocks;
} task;

INLINE task find_task(const gradient *g, long index) {
  const long target = index / g->chunks * 2, source = index % g->chunks * g->chunk;
  return (task){target, min_l(2, g->change.blocks - target), source,
                min_l(g->chunk, g->image.blocks - source)};
}

INLINE void add_task(const gradient *g, const task *a, float *u) {
  const long width = a->width;
  for (long f = 0; f < FREQUENCIES; f++) {
    const float *v = g->room + f * spread(g->image.blocks, g->count) + a->source * g->count * 16;
    const float *d = g->room + g->changes + f * spread(g->change.blocks, g->count)
                   + a->target * g->count * 16;
    for (long channel = 0; channel < a->blocks * 16; channel += CHANNELS) {
      float *to = u + f * spread(a->blocks * 16, width) + channel * width * 16;
      const float *from = v + channel / 16 * g->count * 16 + channel % 16;
      if (width == 2) add_products(to, from, d, g->count * 16, g->count, !g->is_first, 2);
      else add_products(to, from, d, g->count * 16, g->count, !g->is_first, 1);
    }
  }
}

INLINE void finish_task(const gradient *g, const task *a, const float *u) {
  const long step = spread(a->blocks * 16, a->width);
  for (long half = 0; half < a->width; half++)
    for (long channel = 0; channel < a->blocks * 16; channel++) {
      const float *from = u + (channel * a->width + half) * 16;
      v16 columns[WINDOW * IMAGE], column[IMAGE], row[WINDOW];
#pragma clang loop unroll(full)
      for (int c = 0; c < IMAGE; c++) {
#pragma clang loop unroll(full)
        for (int r = 0; r < IMAGE; r++) column[r] = load(from + (r * IMAGE + c) * step);
        transform_gradient(columns + c, IMAGE, column, 1);
      }
      const long block = (a->target + half) * g->image.blocks + a->source + channel / 16;
      float *to = g->dw + (block * 9 * 16 + channel % 16) * 16;
#pragma clang loop unroll(full)
      for (int r = 0; r < WINDOW; r++) {
        transform_gradient(row, 1, columns + r * IMAGE, 1);
#pragma clang loop unroll(full)
        for (int c = 0; c < WINDOW; c++) store(to + (r * WINDOW + c) * 16 * 16, row[c]);
      }
    }
}

VERSIONS static void tasks_body(const void *context, long begin, long end) {
  const gradient *g = context;
  for (long share = begin; share < end; share++) {
    const long last = g->tasks * (share + 1) / g->shares;
    for (long index = g->tasks * share / g->shares; index < last; index++) {
      const task a = find_task(g, index);
      // Sums that are finished at once need no place of their own.
      float *u = g->room + g->sums + (g->parts > 1 ? index : share) * room_of_sums(g);
      add_task(g, &a, u);
      if (g->is_last) finish_task(g, &a, u);
    }
  }
}

// ---- Few tiles ----

// The gradient of one pair of blocks, at once: no sum leaves the registers before it is transformed back.
INLINE void write_block(const gradient *g, long target, long source, const int tiles) {
  const long v_frequency = spread(g->image.blocks, tiles), d_frequency = spread(g->change.blocks, tiles);
  const float *v = g->room + source * tiles * 16, *d = g->room + g->changes + target * tiles * 16;
  float *to = g->dw + (target * g->image.blocks + source) * 9 * 16 * 16;
  for (long channel = 0; channel < 16; channel++) {
    v16 columns[WINDOW * IMAGE], column[IMAGE], row[WINDOW];
#pragma clang loop unroll(full)
    for (int c = 0; c < IMAGE; c++) {
#pragma clang loop unroll(full)
      for (int r = 0; r < IMAGE; r++) {
        const long f = r * IMAGE + c;
        column[r] = splat(v[f * v_frequency + channel]) * load(d + f * d_frequency);
#pragma clang loop unroll(full)
        for (int t = 1; t < tiles; t++)
          column[r] += splat(v[f * v_frequency + t * 16 + channel]) * load(d + f * d_frequency + t * 16);
      }
      transform_gradient(columns + c, IMAGE, column, 1);
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < WINDOW; r++) {
      transform_gradient(row, 1, columns + r * IMAGE, 1);
#pragma clang loop unroll(full)
      for (int c = 0; c < WINDOW; c++) store(to + ((r * WINDOW + c) * 16 + channel) * 16, row[c]);
    }
  }
}

VERSIONS static void blocks_body(const void *context, long begin, long end) {
  const gradient *g = context;
  for (long pair = begin; pair < end; pair++) {
    const long target = pair / g->image.blocks, source = pair % g->image.blocks;
    if (g->count == 1) write_block(g, target, source, 1);
    else write_block(g, target, source, FEW_TILES);
  }
}

static gradient prepare(const ck_winograd *c, float *room) {
  const long rows = (c->out_height + TILE - 1) / TILE, columns = (c->out_width + TILE - 1) / TILE;
  gradient g = {.room = room,
                .image = {c->samples, c->inputs, c->height, c->width, rows, columns, c->top, c->left},
                .change = {c->samples, c->outputs, c->out_height, c->out_width, rows, columns, 0, 0}};
  const long pairs = (c->outputs + 1) / 2;
  g.chunk = CHUNK;
  while (g.chunk > 1 && pairs * ((c->inputs + g.chunk - 1) / g.chunk) < ck_team()) g.chunk /= 2;
  g.chunks = (c->inputs + g.chunk - 1) / g.chunk;
  g.tasks = pairs * g.chunks;
  g.shares = min_l(ck_team(), g.tasks);
  const long tiles = tiles_of(&g.image), room_of_tile = FREQUENCIES * 16 * (c->inputs + c->outputs);
  g.parts = (tiles * room_of_tile + MOST_ROOM - 1) / MOST_ROOM;
  g.parts = min_l(g.parts, tiles);
  g.most = (tiles + g.parts - 1) / g.parts;
  g.changes = FREQUENCIES * spread(c->inputs, g.most);
  g.sums = g.changes + FREQUENCIES * spread(c->outputs, g.most);
  return g;
}

void ck_winograd_backward_weights(float *dw, const float *x, const float *dy, const ck_winograd *c,
                                  float *room) {
  gradient g = prepare(c, room);
  g.dw = dw;
  g.x = x;
  g.dy = dy;
  const long tiles = tiles_of(&g.image);
  for (long part = 0; part < g.parts; part++) {
    g.first = tiles * part / g.parts;
    g.count = tiles * (part + 1) / g.parts - g.first;
    g.is_first = part == 0;
    g.is_last = part + 1 == g.parts;
    const long cost = g.count * FREQUENCIES * 16 * c->inputs * c->outputs;
    ck_parallel(g.count, cost, tiles_body, &g);
    if (g.parts == 1 && tiles <= FEW_TILES) ck_parallel(c->outputs * c->inputs, cost, blocks_body, &g);
    else ck_parallel(g.shares, cost, tasks_body, &g);
  }
}

long ck_winograd_weights_room(const ck_winograd *c) {
  const gradient g = prepare(c, NULL);
  return g.sums + (g.parts > 1 ? g.tasks : g.shares) * room_of_sums(&g);
}
