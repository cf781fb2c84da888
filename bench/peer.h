/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/peer: the same work done by a library that others use, measured in the same run.
 * Apart from parse.c because its names are those of base/json.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H
#include <stdbool.h>
#include <stddef.h>

/* Parses one JSON text with jansson and frees the tree. */
bool peer_json(const char *p, size_t len);

#endif
