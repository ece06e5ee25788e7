/* All bodies for one instruction set: VECTOR (floats in a vector), SET (name) and TARGET (attribute) are given. */
typedef float NAME(vector) __attribute__((vector_size(4 * VECTOR)));
typedef float NAME(loose) __attribute__((vector_size(4 * VECTOR), aligned(4)));
typedef int32_t NAME(mask) __attribute__((vector_size(4 * VECTOR)));
typedef double NAME(doubles) __attribute__((vector_size(4 * VECTOR)));
#define DOUBLES (VECTOR / 2)

#include "_tests_body.h"
#include "_table_body.h"
#include "_prepare_body.h"
#include "_missing_body.h"
#include "_refit_body.h"
#include "_kinship_body.h"

static const kernels_t NAME(kernels) = {TEXT(SET),   NAME(products),    NAME(prepare),    NAME(adjust_missing),
                                        NAME(tests), NAME(refit_exact), NAME(open_strip), NAME(add_strip)};

#undef VECTOR
#undef DOUBLES
#undef SET
#undef TARGET
#undef EXTRACT
