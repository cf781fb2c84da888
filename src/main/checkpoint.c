/* SPDX-License-Identifier: Apache-2.0 */
#include "main/checkpoint.h"
#include "detect/detect_state.h"
#include "event/entity_state.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int checkpoint_save(const struct pipeline *p, const char *path,
		    const struct checkpoint_part *part, struct diag *d)
{
	struct blocks_out *w = NULL;
	int r = blocks_create(path, &w, d);

	if (r < 0)
		return r;
	entities_save(p->entities, w);
	learn_save(p->learn, w);
	detect_save(p->detect, w);
	if (part)
		part->save(part->arg, w);
	return blocks_commit(w, d);
}

static int load(struct pipeline *p, const char *path, const struct checkpoint_part *part,
		struct learn_restored *ret_n, struct diag *d)
{
	struct blocks_in *r = NULL;
	int err = blocks_open(path, &r, d);

	if (err < 0)
		return err;
	err = entities_load(p->entities, r);
	if (err == 0)
		err = learn_load(p->learn, r, ret_n, NULL);
	if (err == 0)
		err = detect_load(p->detect, r);
	if (err == 0 && part)
		err = part->load(part->arg, r);
	blocks_close(r);
	return err < 0 ? diag_set(d, err, "%s: %s", path, err_text(err)) : 0;
}

/* Neither can be used: what was wrong with both, and what can be done. */
static int refuse(int err, const char *path, const char *before, const struct diag *why,
		  struct diag *d)
{
	char first[sizeof(d->msg)];

	if (!d)
		return err;
	memcpy(first, d->msg, sizeof(first));
	return diag_set(
		d, err,
		"%.300s; %s%.300s. Neither was changed. Start with the program that wrote "
		"%s, or move %s and %s away to learn anew (what is stored stays)",
		first, why->msg[0] ? "the one before: " : "there is none before it", why->msg,
		path, path, before);
}

int checkpoint_load(struct pipeline *p, const char *path, const struct checkpoint_part *part,
		    struct learn_restored *ret_n, struct diag *d)
{
	char before[4096];
	struct diag why = {{0}};
	int n = snprintf(before, sizeof(before), "%s.1", path), r;

	if (n < 0 || (size_t)n >= sizeof(before))
		return diag_set(d, -ENAMETOOLONG, "%s: the name is too long", path);
	r = load(p, path, part, ret_n, d);
	if (r == 0)
		return CHECKPOINT_LATEST;
	if (access(before, F_OK) < 0)
		return r == -ENOENT ? CHECKPOINT_NONE : refuse(r, path, before, &why, d);
	return load(p, before, part, ret_n, &why) == 0 ? CHECKPOINT_BEFORE
						       : refuse(r, path, before, &why, d);
}
