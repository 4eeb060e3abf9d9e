#include "Internal.h"

typedef struct {
  ck_pool p;
  float *y;
  uint16_t *winners_out;
  const float *x, *output;
  const uint16_t *winners;
} pool;

typedef uint16_t h16 __attribute__((vector_size(32)));

// Which pixel of its window won, for n lanes.
#define get_winners(p, n)                                 \
  ({                                                      \
    h16 narrow = {0};                                     \
    memcpy(&narrow, (p), (size_t)(n) * sizeof(uint16_t)); \
    __builtin_convertvector(narrow, i16);                 \
  })
#define put_winners(p, winners, n)                                 \
  ({                                                               \
    const h16 narrow = __builtin_convertvector((winners), h16);    \
    memcpy((p), &narrow, (size_t)(n) * sizeof(uint16_t));          \
  })

// The part of a window that lies inside the image.
typedef struct {
  long top, left, r0, r1, c0, c1;
} window;
INLINE window place(const ck_pool *p, long oy, long ox) {
  window w;
  w.top = oy * p->sh - p->top;
  w.left = ox * p->sw - p->left;
  w.r0 = max_l(0, -w.top);
  w.r1 = min_l(p->kh, p->h - w.top);
  w.c0 = max_l(0, -w.left);
  w.c1 = min_l(p->kw, p->w - w.left);
  return w;
}

static long cost(const ck_pool *p) { return p->planes * p->h * p->w * p->lanes; }

INLINE void max_window(const pool *o, const float *x, long to, const window *w, long lane,
                       const long n) {
  const ck_pool *p = &o->p;
  v16 best = {0};
  i16 winner = {0};
  int any = 0;
  for (long r = w->r0; r < w->r1; r++)
    for (long c = w->c0; c < w->c1; c++) {
      const v16 v = get(x + ((w->top + r) * p->w + w->left + c) * p->lanes + lane, n);
      const i16 index = (i16){0} + (int32_t)(r * p->kw + c);
      // The first of equals wins; a NaN wins too, so that it is not lost.
      const i16 wins = any ? ~(v <= best) & (best == best) : (i16){0} - 1;
      best = choose(wins, v, best);
      winner = (wins & index) | (~wins & winner);
      any = 1;
    }
  put(o->y + to, best, n);
  if (o->winners_out) put_winners(o->winners_out + to, winner, n);
}

VERSIONS static void max_body(const void *context, long begin, long end) {
  const pool *o = context;
  const ck_pool *p = &o->p;
  for (long plane = begin; plane < end; plane++) {
    const float *x = o->x + plane * p->h * p->w * p->lanes;
    for (long oy = 0; oy < p->oh; oy++)
      for (long ox = 0; ox < p->ow; ox++) {
        const window w = place(p, oy, ox);
        const long to = ((plane * p->oh + oy) * p->ow + ox) * p->lanes;
        long lane = 0;
        for (; lane + 16 <= p->lanes; lane += 16) max_window(o, x, to + lane, &w, lane, 16);
        if (lane < p->lanes) max_window(o, x, to + lane, &w, lane, p->lanes - lane);
      }
  }
}

void ck_max_pool(float *y, uint16_t *winners, const float *x, const ck_pool *p) {
  pool o = {.p = *p, .y = y, .winners_out = winners, .x = x};
  ck_parallel(p->planes, cost(p), max_body, &o);
}

INLINE void max_window_gradient(const pool *o, float *dx, long from, const window *w, long lane,
                                const long n, const int alone) {
  const ck_pool *p = &o->p;
  v16 dy = get(o->x + from, n);
  if (o->output) dy = keep(get(o->output + from, n) > 0, dy);
  const i16 winner = get_winners(o->winners + from, n);
  for (long r = w->r0; r < w->r1; r++)
    for (long c = w->c0; c < w->c1; c++) {
      float *to = dx + ((w->top + r) * p->w + w->left + c) * p->lanes + lane;
      const v16 share = keep(winner == (int32_t)(r * p->kw + c), dy);
      put(to, alone ? share : get(to, n) + share, n);
    }
}

INLINE void max_plane_gradient(const pool *o, long plane, const int alone) {
  const ck_pool *p = &o->p;
  float *dx = o->y + plane * p->h * p->w * p->lanes;
  if (!alone) memset(dx, 0, (size_t)(p->h * p->w * p->lanes) * sizeof(float));
  for (long oy = 0; oy < p->oh; oy++)
    for (long ox = 0; ox < p->ow; ox++) {
      const window w = place(p, oy, ox);
      const long from = ((plane * p->oh + oy) * p->ow + ox) * p->lanes;
      long lane = 0;
      for (; lane + 16 <= p->lanes; lane += 16)
        max_window_gradient(o, dx, from + lane, &w, lane, 16, alone);
      if (lane < p->lanes)
        max_window_gradient(o, dx, from + lane, &w, lane, p->lanes - lane, alone);
    }
}

// Whether every pixel lies in exactly one window, so that nothing has to be cleared or added.
static int tiles(const ck_pool *p) {
  return p->kh == p->sh && p->kw == p->sw && p->oh * p->sh - p->top >= p->h
      && p->ow * p->sw - p->left >= p->w;
}

VERSIONS static void max_gradient_body(const void *context, long begin, long end) {
  const pool *o = context;
  const int alone = tiles(&o->p);
  for (long plane = begin; plane < end; plane++) {
    if (alone) max_plane_gradient(o, plane, 1);
    else max_plane_gradient(o, plane, 0);
  }
}

void ck_max_pool_gradient(float *dx, const float *dy, const uint16_t *winners,
                          const float *output, const ck_pool *p) {
  pool o = {.p = *p, .y = dx, .x = dy, .winners = winners, .output = output};
  ck_parallel(p->planes, cost(p), max_gradient_body, &o);
}

INLINE void mean_window(const pool *o, const float *x, long to, const window *w, long lane,
                        const long n) {
  const ck_pool *p = &o->p;
  v16 sum = {0};
  for (long r = w->r0; r < w->r1; r++)
    for (long c = w->c0; c < w->c1; c++)
      sum += get(x + ((w->top + r) * p->w + w->left + c) * p->lanes + lane, n);
  put(o->y + to, sum * (1.0f / (float)((w->r1 - w->r0) * (w->c1 - w->c0))), n);
}

VERSIONS static void mean_body(const void *context, long begin, long end) {
  const pool *o = context;
  const ck_pool *p = &o->p;
  for (long plane = begin; plane < end; plane++) {
    const float *x = o->x + plane * p->h * p->w * p->lanes;
    for (long oy = 0; oy < p->oh; oy++)
      for (long ox = 0; ox < p->ow; ox++) {
        const window w = place(p, oy, ox);
        const long to = ((plane * p->oh + oy) * p->ow + ox) * p->lanes;
        long lane = 0;
        for (; lane + 16 <= p->lanes; lane += 16) mean_window(o, x, to + lane, &w, lane, 16);
        if (lane < p->lanes) mean_window(o, x, to + lane, &w, lane, p->lanes - lane);
      }
  }
}

void ck_average_pool(float *y, const float *x, const ck_pool *p) {
  pool o = {.p = *p, .y = y, .x = x};
  ck_parallel(p->planes, cost(p), mean_body, &o);
}

VERSIONS static void mean_gradient_body(const void *context, long begin, long end) {
  const pool *o = context;
  const ck_pool *p = &o->p;
  for (long plane = begin; plane < end; plane++) {
    float *dx = o->y + plane * p->h * p->w * p->lanes;
    memset(dx, 0, (size_t)(p->h * p->w * p->lanes) * sizeof(float));
    for (long oy = 0; oy < p->oh; oy++)
      for (long ox = 0; ox < p->ow; ox++) {
        const window w = place(p, oy, ox);
        const float share = 1.0f / (float)((w.r1 - w.r0) * (w.c1 - w.c0));
        const float *dy = o->x + ((plane * p->oh + oy) * p->ow + ox) * p->lanes;
        for (long r = w.r0; r < w.r1; r++)
          for (long c = w.c0; c < w.c1; c++) {
            float *to = dx + ((w.top + r) * p->w + w.left + c) * p->lanes;
            for (long lane = 0; lane < p->lanes; lane++) to[lane] += share * dy[lane];
          }
      }
  }
}

void ck_average_pool_gradient(float *dx, const float *dy, const ck_pool *p) {
  pool o = {.p = *p, .y = dx, .x = dy};
  ck_parallel(p->planes, cost(p), mean_gradient_body, &o);
}
