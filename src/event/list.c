/* SPDX-License-Identifier: Apache-2.0 */
#include "event/list.h"
#include "base/hash.h"
#include "base/map.h"
#include "event/ip.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST_FILE_MAX (64 * MIB)
#define ENTRY_MAX     256
#define IP_BITS	      128
#define END_BYTES     3
#define ENDS	      4096

struct list {
	struct symtab texts;	/* lower case */
	struct symtab nets;	/* 16 masked bytes and the length of the prefix */
	bool bits[IP_BITS + 1]; /* prefix lengths that occur */
	bool last[256];		/* bytes that texts end with, */
	bool ends[ENDS];	/* and how: most values are told by that alone */
};

static unsigned end_of(struct str s)
{
	unsigned h = 0;

	for (size_t i = s.len - MIN(s.len, (size_t)END_BYTES); i < s.len; i++)
		h = h * 31 + (uint8_t)lower_c(s.p[i]);
	return h % ENDS;
}

/* Whether some text, which may be shorter than what is compared, ends as s does. */
static bool may_end(const struct list *l, struct str s)
{
	if (!s.len || !l->last[(uint8_t)lower_c(s.p[s.len - 1])])
		return false;
	for (size_t n = 1; n <= MIN(s.len, (size_t)END_BYTES); n++)
		if (l->ends[end_of(str_sub(s, s.len - n, s.len))])
			return true;
	return false;
}

static struct str net_key(const struct ip *ip, unsigned bits, char out[17])
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits >= (i + 1) * 8 ? 8 : bits <= i * 8 ? 0 : bits - i * 8;

		out[i] = (char)(ip->b[i] & (0xff00u >> keep));
	}
	out[16] = (char)bits;
	return str_n(out, 17);
}

static int add(struct str line, void *arg)
{
	struct list *l = arg;
	char low[ENTRY_MAX], key[17];
	struct cidr c;
	uint32_t id;

	if (cidr_parse(line, &c)) {
		l->bits[c.bits] = true;
		id = symtab_put(&l->nets, net_key(&c.ip, c.bits, key));
		return id == SYM_NONE ? -ENOMEM : 0;
	}
	if (line.len > ENTRY_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < line.len; i++)
		low[i] = lower_c(line.p[i]);
	l->ends[end_of(line)] = true;
	l->last[(uint8_t)low[line.len - 1]] = true;
	id = symtab_put(&l->texts, str_n(low, line.len));
	return id == SYM_NONE ? -ENOMEM : 0;
}

static int each_line(struct str text, const char *path, int (*fn)(struct str entry, void *arg),
		     void *arg, struct diag *d)
{
	unsigned n = 0;

	while (text.p) {
		struct str line = str_cut(text, '\n', &text);
		size_t hash = str_chr(line, '#', 0);
		int r;

		n++;
		line = str_trim(hash == SIZE_MAX ? line : str_sub(line, 0, hash));
		r = line.len ? fn(line, arg) : 0;
		if (r < 0)
			return diag_set(d, r, "%s:%u: %s", path, n, err_text(r));
		if (r != 0)
			return r;
	}
	return 0;
}

static int read_all(const char *path, struct str *ret_text, struct diag *d)
{
	FILE *f = fopen(path, "rbe");
	char *p = NULL;
	long size = -1;
	int r = 0;

	if (!f)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	if (fseek(f, 0, SEEK_END) == 0)
		size = ftell(f);
	if (size < 0 || (size_t)size > LIST_FILE_MAX)
		r = diag_set(d, E_LIMIT, "%s: no plain file, or too large", path);
	else if (!(p = malloc((size_t)size + 1)))
		r = diag_set(d, -ENOMEM, "%s: out of memory", path);
	else {
		rewind(f);
		ret_text->p = p;
		ret_text->len = fread(p, 1, (size_t)size, f);
		if (ferror(f))
			r = diag_set(d, -EIO, "%s: cannot be read", path);
	}
	fclose(f);
	if (r < 0)
		free(p);
	return r;
}

int list_entries(const char *path, int (*fn)(struct str entry, void *arg), void *arg,
		 struct diag *d)
{
	struct str text;
	int r = read_all(path, &text, d);

	if (r < 0)
		return r;
	r = each_line(text, path, fn, arg, d);
	free((char *)text.p);
	return r;
}

int list_load(const char *path, struct list **ret_l, struct diag *d)
{
	struct list *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return diag_set(d, -ENOMEM, "%s: out of memory", path);
	symtab_init(&l->texts);
	symtab_init(&l->nets);
	r = list_entries(path, add, l, d);
	if (r < 0) {
		list_free(l);
		return r;
	}
	*ret_l = l;
	return 0;
}

struct list *list_free(struct list *l)
{
	if (l) {
		symtab_free(&l->texts);
		symtab_free(&l->nets);
		free(l);
	}
	return NULL;
}

static bool has_ip(const struct list *l, const struct ip *ip)
{
	char key[17];

	for (unsigned bits = 0; bits <= IP_BITS; bits++)
		if (l->bits[bits] && symtab_get(&l->nets, net_key(ip, bits, key)) != SYM_NONE)
			return true;
	return false;
}

bool list_has(const struct list *l, struct str s)
{
	char low[ENTRY_MAX];
	struct ip ip;

	if (!l->nets.len && !may_end(l, s))
		return false;
	if (ip_parse(s, &ip))
		return has_ip(l, &ip);
	if (!may_end(l, s))
		return false;
	/* Of a longer text only the end can be an entry: the domains it lies below. */
	if (s.len > ENTRY_MAX)
		s = str_sub(s, s.len - ENTRY_MAX, s.len);
	for (size_t i = 0; i < s.len; i++)
		low[i] = lower_c(s.p[i]);
	for (size_t i = 0; i < s.len; i++)
		if ((i == 0 || low[i - 1] == '.' || low[i - 1] == '@') &&
		    symtab_get(&l->texts, str_n(low + i, s.len - i)) != SYM_NONE)
			return true;
	return false;
}
