/* SPDX-License-Identifier: Apache-2.0 */
/* output/impl: what a kind of output is, and what the files share. */
#ifndef OUTPUT_IMPL_H
#define OUTPUT_IMPL_H
#include "base/json.h"
#include "output/output.h"
#include <stdatomic.h>

/* A finding on its way out. */
struct message {
	struct str id, title, severity; /* severity: "high" */
	int level;			/* 0..4 */
	int64_t time;			/* ns; of the last change */
	struct str body;		/* in the output's format */
	const char *type;		/* its media type */
};

/*
 * One kind. send: 0, -EAGAIN (not now: tried again later), or another <0 (this one never); d
 * says why in one line. Long waits end when *stop is set.
 */
struct output_ops {
	const char *name;
	const char *format; /* when none is said */
	/* Which of its keys must be there; checked by conf.c. */
	bool wants_url, wants_file, wants_mail;
	const char *const *schemes; /* of url; ends with NULL */
	int (*open)(const struct output_conf *c, void **ret_state, struct diag *d);
	int (*send)(void *state, const struct message *m, const atomic_bool *stop,
		    struct diag *d);
	int (*flush)(void *state, struct diag *d); /* after some were sent; or NULL */
	void (*close)(void *state);
};

#define X(name) extern const struct output_ops output_##name;
#include "output/registry.def"
#undef X

bool format_known(struct str format);
/* A finding's line in a format, appended to out; *ret_type its media type. 0 or <0. */
MUST int format_finding(struct str format, const struct json *j, struct str line,
			const char *version, struct arena *mem, struct buf *out,
			const char **ret_type);
/* A text member, or empty. */
struct str finding_text(const struct json *j, const char *key, struct arena *mem);

#endif
