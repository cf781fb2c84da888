/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_JSON_ORACLE_H
#define TESTS_JSON_ORACLE_H
#include <stdbool.h>
#include <stddef.h>

/* Whether another JSON library takes the text. */
bool oracle_takes(const char *text, size_t n);

#endif
