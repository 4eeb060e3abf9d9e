#include <math.h>
#include "Internal.h"

enum { PIECE = 1024 };

// Two rounds of a 32-bit mixer around the two halves of the key, as for dropout.
static uint32_t hash(uint32_t at, uint64_t key) {
  uint32_t x = at ^ (uint32_t)key;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x ^= x >> 16;
  x += (uint32_t)(key >> 32);
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

// From 0 up to, not including, 1.
static float unit(uint32_t at, uint64_t key) { return (float)(hash(at, key) >> 8) / 16777216.0f; }

// Box and Muller's transform.
static float normal(uint32_t at, uint64_t key) {
  const float first = 1 - unit(at, key), second = unit(at, key ^ 0x9e3779b97f4a7c15u);
  return sqrtf(-2 * logf(first)) * cosf(6.283185307179586f * second);
}

typedef struct {
  float *y;
  const float *x;
  long lanes, pixels, count;
  float a;
  ck_noise kind;
  int backward;
  uint64_t key;
} noise;

// Klambauer et al.'s -scale * alpha.
static const float ALPHA = -1.7580993408473766f;

static float noisy(const noise *k, long i) {
  const float x = k->x[i];
  switch (k->kind) {
    case CK_CHANNEL_DROPOUT: {
      const long channel = i / (k->lanes * k->pixels) * k->lanes + i % k->lanes;
      return unit((uint32_t)channel, k->key) < k->a ? 0 : x / (1 - k->a);
    }
    case CK_ADDED: return k->backward ? x : x + k->a * normal((uint32_t)i, k->key);
    case CK_MULTIPLIED: return x * (1 + k->a * normal((uint32_t)i, k->key));
    case CK_ALPHA_DROPOUT: {
      const float scale = 1 / sqrtf((1 - k->a) * (1 + k->a * ALPHA * ALPHA));
      const int dropped = unit((uint32_t)i, k->key) < k->a;
      if (k->backward) return dropped ? 0 : scale * x;
      return scale * (dropped ? ALPHA : x) - scale * ALPHA * k->a;
    }
  }
  return x;
}

static void noise_body(const void *context, long begin, long end) {
  const noise *k = context;
  const long last = min_l(end * PIECE, k->count);
  for (long i = begin * PIECE; i < last; i++) k->y[i] = noisy(k, i);
}

void ck_add_noise(float *y, const float *x, ck_noise kind, float a, int backward, uint64_t key,
                  long lanes, long pixels, long count) {
  const noise k = {.y = y, .x = x, .lanes = lanes, .pixels = pixels, .count = count, .a = a,
                   .kind = kind, .backward = backward, .key = key};
  ck_parallel((count + PIECE - 1) / PIECE, 8 * count, noise_body, &k);
}
