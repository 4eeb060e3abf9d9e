// What the loops share: vectors, function versions for each instruction set, the thread team.
#pragma once
#include <string.h>
#include "CKernels.h"

#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang diagnostic ignored "-Wpass-failed"

// One version for each width, chosen when the program starts; no compiler flags needed.
#if defined(__x86_64__) && defined(__linux__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define VERSIONS __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef VERSIONS
#define VERSIONS
#endif

#define INLINE static inline __attribute__((always_inline))

// 16 floats; narrower machines see two or four registers.
typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));
typedef uint32_t u16 __attribute__((vector_size(64)));

// Macros, because a function that takes or returns a vector has another calling convention for each
// instruction set, even if it is always inlined.
#define load(p)                                    \
  ({                                               \
    v16 loaded;                                    \
    memcpy(&loaded, (p), sizeof loaded);           \
    loaded;                                        \
  })
#define store(p, v)                                \
  ({                                               \
    const v16 stored = (v);                        \
    memcpy((p), &stored, sizeof stored);           \
  })
// The first n lanes; n = 16 is a plain load if the compiler knows it.
#define get(p, n)                                  \
  ({                                               \
    v16 got = {0};                                 \
    if ((n) == 16) memcpy(&got, (p), sizeof got);  \
    else memcpy(&got, (p), (size_t)(n) * 4);       \
    got;                                           \
  })
#define put(p, v, n)                               \
  ({                                               \
    const v16 given = (v);                         \
    if ((n) == 16) memcpy((p), &given, sizeof given); \
    else memcpy((p), &given, (size_t)(n) * 4);     \
  })
#define splat(x) ((x) - (v16){0})
#define choose(mask, a, b)                         \
  ({                                               \
    const i16 chosen = (mask);                     \
    (v16)((chosen & (i16)(a)) | (~chosen & (i16)(b))); \
  })
#define keep(mask, a) ((v16)((mask) & (i16)(a)))
#define root(x)                                    \
  ({                                               \
    v16 rooted = (x);                              \
    for (int each = 0; each < 16; each++) rooted[each] = __builtin_sqrtf(rooted[each]); \
    rooted;                                        \
  })

INLINE long min_l(long a, long b) { return a < b ? a : b; }
INLINE long max_l(long a, long b) { return a > b ? a : b; }
