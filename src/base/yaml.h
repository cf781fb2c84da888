/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/yaml: files that people write (sources, learned quantities, models, questions,
 * configuration), read through libfyaml. A document is copied into a plain tree of nodes that
 * know where they stood, so that every complaint can say file:line:column and show a caret.
 * Bounds: 4 MiB a file, depth 64, 100,000 nodes; an alias is a copy, which counts.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H
#include "base/arena.h"
#include "base/err.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQ, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool quoted;	    /* scalar in quotes or block style: never null, bool or number */
	bool null;	    /* plain null, ~, or nothing at all */
	struct str text;    /* scalar; NUL-terminated */
	struct str key;	    /* when the parent is a map; NUL-terminated */
	unsigned line, col; /* from 1; of the value */
	unsigned key_line, key_col; /* of the key */
	struct yaml_node *child;    /* first of a sequence or map */
	struct yaml_node *next;	    /* sibling */
	size_t nchildren;
};

struct yaml_doc {
	struct yaml_node *root;
	struct yaml_doc *next; /* a file may hold several documents (---) */
};

struct yaml {
	struct arena mem;
	char *file;	 /* as given, for complaints */
	struct str text; /* the file's bytes, for carets */
	struct yaml_doc *docs;
};

/* Reads a file. 0 and *ret_y (free with yaml_free), or <0 with a finished line in d. */
MUST int yaml_load(const char *path, struct yaml **ret_y, struct diag *d);
/* The same from memory; name is used in complaints. */
MUST int yaml_parse(const char *name, struct str text, struct yaml **ret_y, struct diag *d);
/* NULL is fine. Always returns NULL. */
struct yaml *yaml_free(struct yaml *y);

/* Child of a map by key, or NULL (also when n is NULL or no map). */
const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key);
/* Text of scalar child key, or def. */
struct str yaml_str(const struct yaml_node *n, const char *key, const char *def);
/* Number or bool of scalar child key; def when absent. 0 or E_SYNTAX with d filled. */
MUST int yaml_f64(const struct yaml *y, const struct yaml_node *n, const char *key, double def,
		  double *ret_v, struct diag *d);
MUST int yaml_i64(const struct yaml *y, const struct yaml_node *n, const char *key, int64_t def,
		  int64_t *ret_v, struct diag *d);
MUST int yaml_bool(const struct yaml *y, const struct yaml_node *n, const char *key, bool def,
		   bool *ret_v, struct diag *d);
/* E_SYNTAX when the map n has a key that is not in known (ends with NULL). */
MUST int yaml_only(const struct yaml *y, const struct yaml_node *n, const char *const *known,
		   struct diag *d);
/*
 * Fills d with "file:line:col: MESSAGE", the source line and a caret under the column, and
 * returns E_SYNTAX. n NULL means the head of the file.
 */
int yaml_fail(const struct yaml *y, const struct yaml_node *n, struct diag *d, const char *fmt,
	      ...) PRINTF(4, 5);
/* The same, but points at the key. */
int yaml_fail_key(const struct yaml *y, const struct yaml_node *n, struct diag *d,
		  const char *fmt, ...) PRINTF(4, 5);

#define YAML_EACH(c, n) \
	for (const struct yaml_node *c = (n) ? (n)->child : NULL; c; c = c->next)

/*
 * Calls fn with every *.yaml and *.yml under dir, in byte order of the path (so that runs are
 * alike on all machines). Stops at the first result != 0 and returns it. dir may be a file.
 */
MUST int yaml_walk(const char *dir, int (*fn)(const char *path, void *arg), void *arg,
		   struct diag *d);

#endif
