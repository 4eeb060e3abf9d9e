// exp and tanh for 16 floats at once, within 2 units in the last place.
#pragma once
#include "Internal.h"

#define in_place(function, x, ...)      \
  ({                                    \
    v16 value = (x);                    \
    function(&value, ##__VA_ARGS__);    \
    value;                              \
  })
#define vexp(x) in_place(vexp_at, x)
#define vtanh(x) in_place(vtanh_at, x)
#define vsigmoid(x) in_place(vsigmoid_at, x)
#define velu(x, alpha) in_place(velu_at, x, alpha)

// exp(x) = 2^n exp(r) with |r| <= ln 2 / 2, and the Taylor series of exp(r) to r^7 / 7!.
INLINE void vexp_at(v16 *at) {
  v16 x = *at;
  x = choose(x > 88.3762626647949f, splat(88.3762626647949f), x);
  x = choose(x < -87.3365447504f, splat(-87.3365447504f), x);
  // Adding 1.5 * 2^23 rounds to a whole number, which is then in the low bits.
  v16 shifted = x * 1.44269504088896341f + 12582912.0f;
  v16 n = shifted - 12582912.0f;
  v16 r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  v16 p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  i16 exponent = (__builtin_convertvector(n, i16) + 127) << 23;
  v16 result = p * (v16)exponent;
  *at = choose(x == x, result, x);
}

// 1 - 2 / (exp(2x) + 1); near zero, where that cancels, the odd Taylor series to x^9.
INLINE void vtanh_at(v16 *at) {
  v16 x = *at;
  v16 s = x * x;
  v16 series = splat(62.0f / 2835);
  series = series * s - 17.0f / 315;
  series = series * s + 2.0f / 15;
  series = series * s - 1.0f / 3;
  series = series * s * x + x;
  v16 large = 1.0f - 2.0f / (vexp(x + x) + 1.0f);
  *at = choose(s < 0.04f, series, large);
}

INLINE void vsigmoid_at(v16 *at) { *at = 1.0f / (1.0f + vexp(-*at)); }

INLINE void velu_at(v16 *at, float alpha) {
  v16 x = *at;
  // exp(x) - 1 cancels near zero, where its series takes over.
  v16 series = splat(1.0f / 720);
  series = series * x + 1.0f / 120;
  series = series * x + 1.0f / 24;
  series = series * x + 1.0f / 6;
  series = series * x + 0.5f;
  series = series * x * x + x;
  v16 large = vexp(x) - 1.0f;
  *at = choose(x > 0, x, alpha * choose(x > -0.3f, series, large));
}
