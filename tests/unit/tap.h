/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test framework: TEST(name) { CHECK(...); } registers itself; main comes with TAP_MAIN.
 * An argument runs only the tests whose name contains it. Prints TAP for Meson.
 */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap_test {
	const char *name;
	void (*fn)(void);
	struct tap_test *next;
};
static struct tap_test *tap_first, **tap_last = &tap_first;
static int tap_bad, tap_skipped;

#define TEST(n)                                                    \
	static void test_##n(void);                                \
	static struct tap_test tap_##n = {#n, test_##n, NULL};     \
	__attribute__((constructor)) static void tap_add_##n(void) \
	{                                                          \
		*tap_last = &tap_##n;                              \
		tap_last = &tap_##n.next;                          \
	}                                                          \
	static void test_##n(void)

#define CHECK(c)                                                         \
	do {                                                             \
		if (!(c)) {                                              \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #c); \
			tap_bad++;                                       \
		}                                                        \
	} while (0)
#define CHECK_INT(a, b)                                                                     \
	do {                                                                                \
		intmax_t a_ = (intmax_t)(a), b_ = (intmax_t)(b);                            \
		if (a_ != b_) {                                                             \
			printf("# %s:%d: %s is %jd, not %jd\n", __FILE__, __LINE__, #a, a_, \
			       b_);                                                         \
			tap_bad++;                                                          \
		}                                                                           \
	} while (0)
/* a is a struct str, z a C string */
#define CHECK_STR(a, z)                                                                     \
	do {                                                                                \
		struct str a_ = (a);                                                        \
		const char *z_ = (z);                                                       \
		if (a_.len != strlen(z_) || (a_.len && memcmp(a_.p, z_, a_.len) != 0)) {    \
			printf("# %s:%d: %s is \"%.*s\", not \"%s\"\n", __FILE__, __LINE__, \
			       #a, (int)a_.len, a_.p ? a_.p : "", z_);                      \
			tap_bad++;                                                          \
		}                                                                           \
	} while (0)
/* For data outside the repository: counts as skipped, never as passed. */
#define SKIP(why)                               \
	do {                                    \
		printf("# skipped: %s\n", why); \
		tap_skipped = 1;                \
		return;                         \
	} while (0)

#define TAP_MAIN                                                                        \
	int main(int argc, char **argv)                                                 \
	{                                                                               \
		int n = 0, failed = 0;                                                  \
		setvbuf(stdout, NULL, _IOLBF, 0);                                       \
		for (struct tap_test *t = tap_first; t; t = t->next) {                  \
			if (argc > 1 && !strstr(t->name, argv[1]))                      \
				continue;                                               \
			tap_bad = tap_skipped = 0;                                      \
			t->fn();                                                        \
			failed += tap_bad > 0;                                          \
			printf("%sok %d - %s%s\n", tap_bad ? "not " : "", ++n, t->name, \
			       tap_skipped && !tap_bad ? " # SKIP" : "");               \
		}                                                                       \
		printf("1..%d\n", n);                                                   \
		return failed > 0;                                                      \
	}
#endif
