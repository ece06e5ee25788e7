/* All bodies for one instruction set: VECTOR (floats in a vector), SET (name) and TARGET (attribute) are given. */
typedef float NAME(vector) __attribute__((vector_size(4 * VECTOR)));
typedef float NAME(loose) __attribute__((vector_size(4 * VECTOR), aligned(4)));
typedef int32_t NAME(whole) __attribute__((vector_size(4 * VECTOR)));
typedef double NAME(doubles) __attribute__((vector_size(4 * VECTOR)));
#define DOUBLES (VECTOR / 2)

#include "_tests_body.h"
#include "_table_body.h"
#include "_prepare_body.h"
#include "_gaps_body.h"
#include "_refits_body.h"

static const set_t NAME(set) = {TEXT(SET), NAME(products), NAME(prepare), NAME(gaps), NAME(tests), NAME(refits)};

#undef VECTOR
#undef DOUBLES
#undef SET
#undef TARGET
#undef EXTRACT
