/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/macros: the few macros every file may use.
 */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H
#include <stddef.h>
#include <stdint.h>

/* The caller must look at the result. */
#define MUST __attribute__((warn_unused_result))
/* Checked like printf: f is the number of the format argument, a of the first value. */
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define UNUSED	     __attribute__((unused))
#define LIKELY(x)    __builtin_expect(!!(x), 1)
#define UNLIKELY(x)  __builtin_expect(!!(x), 0)
/* For what must be seen together with its caller to be fast; needs `static` before it. */
#define ALWAYS_INLINE inline __attribute__((always_inline))
/* For what is seldom called and would make its caller slow. */
#define NOINLINE     __attribute__((noinline))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* Some libraries bring their own. */
#undef MIN
#undef MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
#define S_PER_H	  INT64_C(3600)
#define S_PER_D	  INT64_C(86400)
#define NS_PER_H  (S_PER_H * NS_PER_S)
#define NS_PER_D  (S_PER_D * NS_PER_S)
#define KIB	  ((size_t)1024)
#define MIB	  (KIB * KIB)

#endif
