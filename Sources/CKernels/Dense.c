#include "Internal.h"

// What a dense layer needs beside its matrix products. Arrays are [rows][columns].

typedef struct {
  float *y;
  const float *bias;
  long rows, columns;
  int relu;
} affine;

INLINE void finish_vector(const affine *f, float *y, long column, long n) {
  v16 v = get(y + column, n);
  if (f->bias) v += get(f->bias + column, n);
  // Asked this way round, a NaN stays one.
  if (f->relu) v = choose(v <= 0, (v16){0}, v);
  put(y + column, v, n);
}
VERSIONS static void finish_body(const void *context, long begin, long end) {
  const affine *f = context;
  for (long row = begin; row < end; row++) {
    float *y = f->y + row * f->columns;
    long column = 0;
    for (; column + 16 <= f->columns; column += 16) finish_vector(f, y, column, 16);
    if (column < f->columns) finish_vector(f, y, column, f->columns - column);
  }
}
void ck_dense_finish(float *y, const float *bias, int relu, long rows, long columns) {
  if (!bias && !relu) return;
  affine f = {.y = y, .bias = bias, .rows = rows, .columns = columns, .relu = relu};
  ck_parallel(rows, rows * columns, finish_body, &f);
}

typedef struct {
  float *y;
  const float *x, *factor;
  long columns;
} scaling;

VERSIONS static void scale_rows_body(const void *context, long begin, long end) {
  const scaling *s = context;
  for (long row = begin; row < end; row++)
    for (long column = 0; column < s->columns; column++)
      s->y[row * s->columns + column] = s->x[row * s->columns + column] * s->factor[column];
}
void ck_scale_columns(float *y, const float *x, const float *factor, long rows, long columns) {
  scaling s = {.y = y, .x = x, .factor = factor, .columns = columns};
  ck_parallel(rows, rows * columns, scale_rows_body, &s);
}

typedef struct {
  float *sums;
  const float *x;
  long rows, columns;
} column_sums;

INLINE void sum_columns(const column_sums *s, long column, long n) {
  v16 sum = {0};
  for (long row = 0; row < s->rows; row++) sum += get(s->x + row * s->columns + column, n);
  put(s->sums + column, sum, n);
}
VERSIONS static void column_sums_body(const void *context, long begin, long end) {
  const column_sums *s = context;
  for (long block = begin; block < end; block++) {
    const long column = block * 16;
    if (column + 16 <= s->columns) sum_columns(s, column, 16);
    else sum_columns(s, column, s->columns - column);
  }
}
void ck_column_sums(float *sums, const float *x, long rows, long columns) {
  column_sums s = {.sums = sums, .x = x, .rows = rows, .columns = columns};
  ck_parallel((columns + 15) / 16, rows * columns, column_sums_body, &s);
}
