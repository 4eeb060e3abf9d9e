#include "WinogradPass.h"

// Winograd's method where there are so few tiles that most of the work is to read and transform the weights.
// A thread takes some blocks of target channels and reads their weights once, in the order in which they are
// stored. The 36 numbers that nine of them become never leave the registers: a row of six at a time, they are
// multiplied by those of all tiles.
//
//   images    v [36][source block][tile][16]
//   products  m [36][tile][16], of one target block

// Row r of the frequencies is made of the window's rows so: see transform_window.
static const float of_rows[IMAGE][WINDOW] = {
    {AT_0, 0, 0},
    {AT_A, AT_A * A, AT_A * A2}, {AT_A, -AT_A * A, AT_A * A2},
    {AT_B, AT_B * B, AT_B * B2}, {AT_B, -AT_B * B, AT_B * B2},
    {0, 0, 1}};

typedef struct {
  const float *w, *v;             // of one block of source channels
  float *m;
  long v_frequency, m_frequency;  // from one frequency to the next
} product;

// Adds one row of the frequencies to m.
INLINE void add_row(const product *p, long row, const int tiles) {
  const v16 top = splat(of_rows[row][0]), middle = splat(of_rows[row][1]), bottom = splat(of_rows[row][2]);
  const float *v = p->v + row * IMAGE * p->v_frequency;
  float *m = p->m + row * IMAGE * p->m_frequency;
  v16 sums[IMAGE][FEW_TILES];
#pragma clang loop unroll(full)
  for (int c = 0; c < IMAGE; c++)
#pragma clang loop unroll(full)
    for (int t = 0; t < tiles; t++) sums[c][t] = load(m + c * p->m_frequency + t * 16);
  for (long channel = 0; channel < 16; channel++) {
    const float *w = p->w + channel * 16;
    v16 columns[WINDOW], u[IMAGE];
#pragma clang loop unroll(full)
    for (int c = 0; c < WINDOW; c++)
      columns[c] = top * load(w + c * TAP) + middle * load(w + (WINDOW + c) * TAP)
                 + bottom * load(w + (2 * WINDOW + c) * TAP);
    transform_window(u, 1, columns, 1);
#pragma clang loop unroll(full)
    for (int c = 0; c < IMAGE; c++)
#pragma clang loop unroll(full)
      for (int t = 0; t < tiles; t++)
        sums[c][t] += splat(v[c * p->v_frequency + t * 16 + channel]) * u[c];
  }
#pragma clang loop unroll(full)
  for (int c = 0; c < IMAGE; c++)
#pragma clang loop unroll(full)
    for (int t = 0; t < tiles; t++) store(m + c * p->m_frequency + t * 16, sums[c][t]);
}

INLINE void add_block(const product *p, const float *upcoming, long tiles) {
  for (long row = 0; row < IMAGE; row++) {
    // Not all at once, which would have the processor wait.
    prefetch_taps(upcoming, row, IMAGE);
    switch (tiles) {
      case 1: add_row(p, row, 1); break;
      case 2: add_row(p, row, 2); break;
      case 3: add_row(p, row, 3); break;
      default: add_row(p, row, FEW_TILES); break;
    }
  }
}

VERSIONS void winograd_few_tiles(const void *context, long begin, long end) {
  const pass *k = context;
  const long tiles = tiles_of(&k->target), sources = k->source.blocks, targets = k->target.blocks;
  float room[TAPS * TAP];
  for (long share = begin; share < end; share++) {
    float *m = k->room + k->products + share * k->product_room;
    const long last = targets * (share + 1) / k->shares;
    for (long target = targets * share / k->shares; target < last; target++) {
      memset(m, 0, (size_t)k->product_room * sizeof *m);
      for (long source = 0; source < sources; source++) {
        const product p = {
            .w = taps(k, target, source, room), .v = k->room + k->images + source * tiles * 16, .m = m,
            .v_frequency = spread(sources, tiles), .m_frequency = spread(1, tiles)};
        add_block(&p, upcoming_taps(k, target, source), tiles);
      }
      transform_outputs(k, m, spread(1, tiles), target, 0, tiles);
    }
  }
}
