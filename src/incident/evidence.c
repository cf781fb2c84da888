/* SPDX-License-Identifier: Apache-2.0 */
#include "incident/evidence.h"
#include "base/timeutil.h"
#include "parse/reread.h"
#include <errno.h>
#include <stdlib.h>

#define ANCESTORS_MAX 8u
#define CHILDREN_MAX  200u
#define LOOKED_AT_MAX 2000u /* records of one program */
#define AROUND	      (7 * NS_PER_D)

struct evidence {
	struct reread *reread;
	struct store *store;
	struct arena mem;
	uint64_t stamp; /* of the pool */
};

/* Every attribute that a source maps: whoever reads evidence wants all of it. */
static int want_all(struct schema *s)
{
	int r = 0;

	for (size_t t = 0; t < schema_types(s); t++)
		for (size_t a = 0; r == 0 && a < schema_attrs(s); a++)
			if (schema_provides(s, schema_type(s, t), (attr_t)a))
				r = schema_want(s, schema_type(s, t), (attr_t)a);
	return r;
}

int evidence_open(const struct inquiry_conf *conf, struct evidence **ret_e, struct diag *d)
{
	struct reread_conf rc = {.sources = conf->sources, .entities = conf->entities};
	struct evidence *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->store = conf->store;
	arena_init(&e->mem, 64 * MIB);
	r = reread_open(&rc, &e->reread, d);
	if (r == 0)
		r = want_all(reread_schema(e->reread));
	if (r == 0)
		r = reread_start(e->reread);
	if (r < 0) {
		evidence_free(e);
		return r;
	}
	*ret_e = e;
	return 0;
}

struct evidence *evidence_free(struct evidence *e)
{
	if (e) {
		reread_free(e->reread);
		arena_free(&e->mem);
		free(e);
	}
	return NULL;
}

void evidence_use(struct evidence *e, struct store *st, uint64_t stamp)
{
	e->store = st;
	e->stamp = stamp;
}

uint64_t evidence_stamp(const struct evidence *e)
{
	return e->stamp;
}

int evidence_forget(struct evidence *e)
{
	e->store = NULL;
	arena_reset(&e->mem);
	return reread_forget(e->reread);
}

/* ---- attributes ---- */

static void value_json(struct buf *b, const struct val *v)
{
	const struct val *item;
	char tmp[40];
	size_t n;

	if (v->kind == VAL_LIST) {
		n = val_items(v, &item);
		buf_addc(b, '[');
		for (size_t i = 0; i < n; i++) {
			buf_addz(b, i ? "," : "");
			value_json(b, &item[i]);
		}
		buf_addc(b, ']');
	} else if (v->kind == VAL_INT) {
		buf_fmt(b, "%lld", (long long)v->i);
	} else if (v->kind == VAL_FLOAT) {
		buf_json_f64(b, v->f);
	} else if (v->kind == VAL_BOOL) {
		buf_addz(b, v->i ? "true" : "false");
	} else {
		buf_json(b, val_text(v, tmp));
	}
}

int evidence_attributes(struct evidence *e, const struct store_event *se, struct buf *out)
{
	const struct event *ev = reread_event(e->reread, se, NULL);
	size_t n = 0;

	buf_addc(out, '{');
	for (uint16_t i = 0; ev && i < ev->type->nslots; i++) {
		if (!val_set(&ev->row[i]))
			continue;
		buf_addz(out, n++ ? "," : "");
		buf_json(out, schema_name(reread_schema(e->reread), ev->type->attr_of[i]));
		buf_addc(out, ':');
		value_json(out, &ev->row[i]);
	}
	buf_addc(out, '}');
	return buf_err(out);
}

/* ---- processes ---- */

struct proc {
	struct str id, uid, parent_uid, path, parent_path, cmd, user;
	struct str image, parent_image; /* entities, "image:host:/path"; may be empty */
	int64_t time;
	int depth;
};

struct family {
	struct evidence *e;
	struct proc self;
	struct proc up[ANCESTORS_MAX];
	struct proc *down;
	size_t nup, ndown;
	bool more;
};

static struct str keep(struct evidence *e, struct str s)
{
	return s.len ? arena_str(&e->mem, s) : str_n(NULL, 0);
}

/* The entity whose name ends with this path. */
static struct str image_of(struct evidence *e, const struct store_event *se, struct str path)
{
	for (size_t i = 0; path.len && i < se->nentities; i++) {
		struct str s = se->entities[i];
		struct str tail = str_sub(s, s.len - MIN(s.len, path.len), s.len);

		if (str_starts(s, STR("image:")) && str_ieq(tail, path))
			return keep(e, s);
	}
	return str_n(NULL, 0);
}

/* What a record says of a process; false when it tells of none. */
static bool proc_read(struct evidence *e, const struct store_event *se, struct proc *p)
{
	const struct event *ev = reread_event(e->reread, se, NULL);
	struct str uid = ev ? event_str(ev, ATTR_PROC_UID) : str_n(NULL, 0);

	if (!uid.len)
		return false;
	*p = (struct proc){.id = keep(e, se->id),
			   .uid = keep(e, uid),
			   .parent_uid = keep(e, event_str(ev, ATTR_PARENT_UID)),
			   .path = keep(e, event_str(ev, ATTR_PROC_PATH)),
			   .parent_path = keep(e, event_str(ev, ATTR_PARENT_PATH)),
			   .cmd = keep(e, event_str(ev, ATTR_PROC_CMD)),
			   .user = keep(e, event_str(ev, ATTR_USER)),
			   .time = se->time};
	p->image = image_of(e, se, p->path);
	p->parent_image = image_of(e, se, p->parent_path);
	return true;
}

static int self_row(const struct store_event *se, void *arg)
{
	struct family *f = arg;

	return proc_read(f->e, se, &f->self) ? 1 : 0;
}

struct search {
	struct family *f;
	struct str uid; /* wanted: of the process, or of the parent */
	struct proc found;
	bool child, any;
};

static bool known(const struct family *f, struct str uid)
{
	for (size_t i = 0; i < f->ndown; i++)
		if (str_eq(f->down[i].uid, uid))
			return true;
	return str_eq(f->self.uid, uid);
}

static int search_row(const struct store_event *se, void *arg)
{
	struct search *s = arg;
	struct family *f = s->f;
	struct proc p;

	/* Unpacking is dear: the id stands in the record's own bytes. */
	if (str_find(se->raw, s->uid) == SIZE_MAX || !proc_read(f->e, se, &p))
		return 0;
	if (!s->child) {
		if (!str_eq(p.uid, s->uid))
			return 0;
		/* The record of the start is the earliest. */
		if (!s->any || p.time < s->found.time)
			s->found = p;
		s->any = true;
		return 0;
	}
	if (!str_eq(p.parent_uid, s->uid) || known(f, p.uid))
		return 0;
	if (f->ndown == CHILDREN_MAX) {
		f->more = true;
		return 1;
	}
	p.depth = 1;
	f->down[f->ndown++] = p;
	return 0;
}

static int search(struct evidence *e, struct search *s, struct str image, int64_t around,
		  struct diag *d)
{
	struct store_names has = {&image, 1};
	struct store_query q = {.from = around - (s->child ? 60 * NS_PER_S : AROUND),
				.to = around + (s->child ? AROUND : 60 * NS_PER_S),
				.limit = LOOKED_AT_MAX,
				.newest = !s->child,
				.has = &has,
				.nhas = 1};
	int r;

	if (!image.len || !s->uid.len)
		return 0;
	r = store_events(e->store, &q, search_row, s, d);
	return r < 0 ? r : 0;
}

static void proc_json(struct buf *b, const struct proc *p, bool masked)
{
	char when[TIME_TEXT];
	const struct {
		const char *key;
		struct str v;
	} all[] = {{"path", p->path},
		   {"cmd_line", masked ? str_n(NULL, 0) : p->cmd},
		   {"uid", p->uid},
		   {"user", p->user}};

	if (b->len && b->p[b->len - 1] != '[')
		buf_addc(b, ',');
	buf_fmt(b, "{\"depth\":%d,\"time\":\"%s\",\"event_id\":", p->depth,
		time_rfc3339(p->time, when));
	buf_json(b, p->id);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].v.len) {
			buf_fmt(b, ",\"%s\":", all[i].key);
			buf_json(b, all[i].v);
		}
	buf_addc(b, '}');
}

/* Whoever started it, and who started that; a parent without a record is named all the same. */
static int ancestors(struct family *f, struct diag *d)
{
	struct proc at = f->self;
	int r = 0;

	while (r == 0 && f->nup < ANCESTORS_MAX && at.parent_uid.len) {
		struct search s = {.f = f, .uid = at.parent_uid};

		r = search(f->e, &s, at.parent_image, at.time, d);
		if (!s.any)
			s.found = (struct proc){
				.uid = at.parent_uid, .path = at.parent_path, .time = at.time};
		s.found.depth = -(int)f->nup - 1;
		f->up[f->nup++] = s.found;
		if (!s.any || str_eq(s.found.uid, at.uid))
			break;
		at = s.found;
	}
	return r;
}

int evidence_process(struct evidence *e, struct str id, bool masked, struct buf *out,
		     struct diag *d)
{
	struct store_query q = {.id = id, .from = TIME_NONE, .to = TIME_NONE, .limit = 100};
	struct family f = {.e = e};
	struct search s = {.f = &f, .child = true};
	int r;

	arena_reset(&e->mem);
	f.down = arena_zalloc(&e->mem, CHILDREN_MAX * sizeof(*f.down));
	if (!f.down)
		return -ENOMEM;
	r = store_events(e->store, &q, self_row, &f, d);
	if (r < 0)
		return r;
	if (!f.self.uid.len)
		return E_NOTFOUND;
	s.uid = f.self.uid;
	r = ancestors(&f, d);
	if (r == 0)
		r = search(e, &s, f.self.image, f.self.time, d);
	if (r < 0)
		return r;
	buf_addz(out, "{\"processes\":[");
	for (size_t i = f.nup; i-- > 0;)
		proc_json(out, &f.up[i], masked);
	proc_json(out, &f.self, masked);
	for (size_t i = 0; i < f.ndown; i++)
		proc_json(out, &f.down[i], masked);
	buf_fmt(out, "],\"more\":%s}", f.more ? "true" : "false");
	return buf_err(out);
}
