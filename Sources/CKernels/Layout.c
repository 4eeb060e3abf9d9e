#include "Internal.h"

typedef struct {
  float *y;
  const float *x;
  long y_blocks, y_lanes, y_first, x_blocks, x_lanes, x_first;
  long count, pixels;
  int clears;
} channels;

// Channels that are neighbours on both sides move together.
static void copy_body(const void *context, long begin, long end) {
  const channels *k = context;
  for (long s = begin; s < end; s++) {
    float *y = k->y + s * k->y_blocks * k->pixels * k->y_lanes;
    const float *x = k->x + s * k->x_blocks * k->pixels * k->x_lanes;
    if (k->clears && k->y_blocks * k->y_lanes > k->count) {
      // Only the last block can hold padding.
      float *last = y + (k->y_blocks - 1) * k->pixels * k->y_lanes;
      memset(last, 0, (size_t)(k->pixels * k->y_lanes) * sizeof(float));
    }
    for (long c = 0; c < k->count;) {
      const long yc = k->y_first + c, xc = k->x_first + c;
      const long y_lane = yc % k->y_lanes, x_lane = xc % k->x_lanes;
      const long run = min_l(k->count - c, min_l(k->y_lanes - y_lane, k->x_lanes - x_lane));
      float *to = y + yc / k->y_lanes * k->pixels * k->y_lanes + y_lane;
      const float *from = x + xc / k->x_lanes * k->pixels * k->x_lanes + x_lane;
      if (run == k->y_lanes && run == k->x_lanes) {
        memcpy(to, from, (size_t)(run * k->pixels) * sizeof(float));
      } else if (run == 1) {
        for (long p = 0; p < k->pixels; p++) to[p * k->y_lanes] = from[p * k->x_lanes];
      } else if (run == 16) {
        for (long p = 0; p < k->pixels; p++)
          memcpy(to + p * k->y_lanes, from + p * k->x_lanes, 16 * sizeof(float));
      } else {
        for (long p = 0; p < k->pixels; p++)
          for (long i = 0; i < run; i++) to[p * k->y_lanes + i] = from[p * k->x_lanes + i];
      }
      c += run;
    }
  }
}

void ck_copy_channels(float *y, long y_blocks, long y_lanes, long y_first, const float *x,
                      long x_blocks, long x_lanes, long x_first, long count, long samples,
                      long pixels) {
  const channels k = {y, x, y_blocks, y_lanes, y_first, x_blocks, x_lanes, x_first,
                      count, pixels, 0};
  ck_parallel(samples, samples * count * pixels, copy_body, &k);
}

void ck_convert(float *y, long y_blocks, long y_lanes, const float *x, long x_blocks,
                long x_lanes, long count, long samples, long pixels) {
  const channels k = {y, x, y_blocks, y_lanes, 0, x_blocks, x_lanes, 0, count, pixels, 1};
  ck_parallel(samples, samples * count * pixels, copy_body, &k);
}

typedef struct {
  float *y;
  const float *x;
  long h, w, lanes, oh, ow, top, left;
} frame;

static void pad_body(const void *context, long begin, long end) {
  const frame *f = context;
  const size_t row = (size_t)(f->w * f->lanes) * sizeof(float);
  for (long plane = begin; plane < end; plane++) {
    float *y = f->y + plane * f->oh * f->ow * f->lanes;
    memset(y, 0, (size_t)(f->oh * f->ow * f->lanes) * sizeof(float));
    for (long r = 0; r < f->h; r++)
      memcpy(y + ((r + f->top) * f->ow + f->left) * f->lanes,
             f->x + (plane * f->h + r) * f->w * f->lanes, row);
  }
}

static void crop_body(const void *context, long begin, long end) {
  const frame *f = context;
  const size_t row = (size_t)(f->w * f->lanes) * sizeof(float);
  for (long plane = begin; plane < end; plane++)
    for (long r = 0; r < f->h; r++)
      memcpy(f->y + (plane * f->h + r) * f->w * f->lanes,
             f->x + ((plane * f->oh + r + f->top) * f->ow + f->left) * f->lanes, row);
}

void ck_pad(float *y, const float *x, long planes, long h, long w, long lanes, long oh, long ow,
            long top, long left) {
  const frame f = {y, x, h, w, lanes, oh, ow, top, left};
  ck_parallel(planes, planes * oh * ow * lanes, pad_body, &f);
}

void ck_crop(float *x, const float *y, long planes, long h, long w, long lanes, long oh, long ow,
             long top, long left) {
  const frame f = {x, y, h, w, lanes, oh, ow, top, left};
  ck_parallel(planes, planes * h * w * lanes, crop_body, &f);
}

typedef struct {
  float *y;
  const float *x;
  long blocks, lanes, count, samples, pixels;
} exchange;

VERSIONS static void interleave_body(const void *context, long begin, long end) {
  const exchange *k = context;
  const long sample = k->blocks * k->pixels * k->lanes;
  for (long task = begin; task < end; task++) {
    const long group = task / k->count, c = task % k->count;
    const long there = min_l(16, k->samples - group * 16);
    float *y = k->y + (group * k->count + c) * k->pixels * 16;
    const float *x = k->x + group * 16 * sample
                   + c / k->lanes * k->pixels * k->lanes + c % k->lanes;
    for (long p = 0; p < k->pixels; p++)
      for (long n = 0; n < 16; n++)
        y[p * 16 + n] = n < there ? x[n * sample + p * k->lanes] : 0;
  }
}

void ck_interleave(float *y, const float *x, long x_blocks, long x_lanes, long count,
                   long samples, long pixels) {
  const exchange k = {y, x, x_blocks, x_lanes, count, samples, pixels};
  ck_parallel((samples + 15) / 16 * count, 2 * samples * count * pixels, interleave_body, &k);
}

VERSIONS static void separate_body(const void *context, long begin, long end) {
  const exchange *k = context;
  const long sample = k->blocks * k->pixels * k->lanes;
  for (long n = begin; n < end; n++) {
    float *y = k->y + n * sample;
    if (k->blocks * k->lanes > k->count)
      memset(y + (k->blocks - 1) * k->pixels * k->lanes, 0,
             (size_t)(k->pixels * k->lanes) * sizeof(float));
    for (long c = 0; c < k->count; c++) {
      const float *x = k->x + (n / 16 * k->count + c) * k->pixels * 16 + n % 16;
      float *to = y + c / k->lanes * k->pixels * k->lanes + c % k->lanes;
      for (long p = 0; p < k->pixels; p++) to[p * k->lanes] = x[p * 16];
    }
  }
}

void ck_separate(float *y, long y_blocks, long y_lanes, const float *x, long count,
                 long samples, long pixels) {
  const exchange k = {y, x, y_blocks, y_lanes, count, samples, pixels};
  ck_parallel(samples, 2 * samples * count * pixels, separate_body, &k);
}
