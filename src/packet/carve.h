/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/carve: files that pass by, kept in a folder under their SHA-256, when somebody asks
 * for them: only whole ones, each up to a size, so many, and no more bytes in all. Nothing of a
 * peer's choosing becomes a name; nobody but the owner may read them, and nobody run them.
 */
#ifndef PACKET_CARVE_H
#define PACKET_CARVE_H
#include "base/str.h"
#include <stdint.h>

#define CARVE_FILES 16
#define CARVE_HEX   65

struct carve {
	const char *dir;    /* there already */
	uint64_t file_max;  /* bytes of a file */
	uint64_t total_max; /* bytes of all, those under way too */
	/* What became of it; zero at first. */
	uint64_t total, left_out; /* left_out: files beyond a bound, or the disk */
	unsigned open, made;
	unsigned nsaved;
	char saved[CARVE_FILES][CARVE_HEX]; /* their names, each once */
};

struct carve_file;

/* A file begins; NULL: no more are taken. */
struct carve_file *carve_begin(struct carve *c);
void carve_bytes(struct carve_file *f, struct str s);
/* It is whole: kept, if it was within the bounds. Frees f; NULL is fine. */
void carve_end(struct carve_file *f, const uint8_t sha256[32]);
/* It is of no use. Frees f; NULL is fine. */
void carve_drop(struct carve_file *f);

#endif
