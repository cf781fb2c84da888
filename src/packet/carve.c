/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/carve.h"
#include "base/fdio.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OPEN_MAX   32 /* files under way at once */
#define NAME_BYTES 4096

struct carve_file {
	struct carve *c;
	int fd;
	uint64_t n;
	bool bad; /* beyond a bound, or it could not be written */
	char path[NAME_BYTES];
};

struct carve_file *carve_begin(struct carve *c)
{
	struct carve_file *f;
	int n;

	if (c->open == OPEN_MAX || c->nsaved == CARVE_FILES) {
		c->left_out++;
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	n = snprintf(f->path, sizeof(f->path), "%s/.carve-%d-%u", c->dir, (int)getpid(),
		     c->made++);
	f->fd = n > 0 && (size_t)n < sizeof(f->path)
			? open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       0600)
			: -1;
	if (f->fd < 0) {
		c->left_out++;
		free(f);
		return NULL;
	}
	f->c = c;
	c->open++;
	return f;
}

void carve_bytes(struct carve_file *f, struct str s)
{
	struct carve *c = f->c;

	if (f->bad || s.len > c->file_max - f->n || s.len > c->total_max - c->total) {
		f->bad = true;
		return;
	}
	f->n += s.len;
	c->total += s.len;
	f->bad = fd_write(f->fd, s.p, s.len) < 0;
}

static void done(struct carve_file *f, bool kept)
{
	struct carve *c = f->c;

	close(f->fd);
	c->open--;
	if (!kept) {
		unlink(f->path);
		c->total -= f->n;
		c->left_out += f->bad;
	}
	free(f);
}

void carve_drop(struct carve_file *f)
{
	if (f)
		done(f, false);
}

void carve_end(struct carve_file *f, const uint8_t sha256[32])
{
	char path[NAME_BYTES], hex[CARVE_HEX];
	struct carve *c;
	bool again = false;
	int n;

	if (!f)
		return;
	c = f->c;
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", sha256[i]);
	for (unsigned i = 0; i < c->nsaved; i++)
		again |= memcmp(c->saved[i], hex, CARVE_HEX) == 0;
	n = snprintf(path, sizeof(path), "%s/%s", c->dir, hex);
	if (f->bad || again || c->nsaved == CARVE_FILES || (size_t)n >= sizeof(path) ||
	    rename(f->path, path) < 0) {
		done(f, false);
		return;
	}
	memcpy(c->saved[c->nsaved++], hex, CARVE_HEX);
	done(f, true);
}
