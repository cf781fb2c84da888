/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets around an alert, and files in them when its model asks: out of the ring on disk
 * into STORE/evidence/ID.pcapng, and beside them, as ID.ckpt, the checkpoint that was learned
 * before. `thymus replay --state ID.ckpt ID.pcapng` then sees what the daemon saw of these
 * addresses, on what it knew.
 */
#include "base/log.h"
#include "event/schema.h"
#include "main/run.h"
#include "packet/carve.h"
#include "packet/input.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEFORE_NS (60 * NS_PER_S) /* connections that end by being idle are told of so late */
#define AFTER_NS  (10 * NS_PER_S)

/* The text of a field of a record that the sensor wrote; without p when it is not there. */
static struct str field(struct str raw, const char *name)
{
	char key[32];
	int n = snprintf(key, sizeof(key), "\"%s\":", name);
	const char *at = memmem(raw.p, raw.len, key, (size_t)n);
	struct str s;

	if (!at)
		return str_n(NULL, 0);
	s = str_sub(raw, (size_t)(at - raw.p) + (size_t)n, raw.len);
	if (s.len && s.p[0] == '"') {
		s = str_sub(s, 1, s.len);
		return str_sub(s, 0, MIN(str_chr(s, '"', 0), s.len));
	}
	return str_sub(s, 0, MIN(MIN(str_chr(s, ',', 0), str_chr(s, '}', 0)), s.len));
}

static uint8_t proto_of(struct str raw)
{
	struct str s = field(raw, "proto");

	if (str_eq(s, STR("tcp")))
		return IPPROTO_N_TCP;
	return str_eq(s, STR("udp")) ? IPPROTO_N_UDP : 0;
}

static void add_ip(struct keep_want *w, struct str text)
{
	struct ip ip;

	if (!text.len || !ip_parse(text, &ip) || ip_nobody(&ip) || w->nip == ARRAY_LEN(w->ip))
		return;
	for (unsigned i = 0; i < w->nip; i++)
		if (memcmp(&w->ip[i], &ip, sizeof(ip)) == 0)
			return;
	w->ip[w->nip++] = ip;
}

static void add_conn(struct keep_want *w, struct str raw)
{
	struct str a = field(raw, "id.orig_h"), b = field(raw, "id.resp_h");
	int64_t p, q;

	if (!a.len || !b.len || !str_i64(field(raw, "id.orig_p"), &p) ||
	    !str_i64(field(raw, "id.resp_p"), &q) || !ip_parse(a, &w->conn[w->nconn].ip[0]) ||
	    !ip_parse(b, &w->conn[w->nconn].ip[1]))
		return;
	w->conn[w->nconn].port[0] = (uint16_t)p;
	w->conn[w->nconn].port[1] = (uint16_t)q;
	w->conn[w->nconn].proto = proto_of(raw);
	w->nconn++;
}

static void what_is_wanted(const struct run *r, const struct event *e, struct keep_want *w)
{
	*w = (struct keep_want){.from = r->cap.known ? r->cap.known - BEFORE_NS : 0,
				.to = INT64_MAX};
	add_ip(w, event_str(e, ATTR_SRC_IP));
	add_ip(w, event_str(e, ATTR_DST_IP));
	add_ip(w, field(e->raw, "id.orig_h"));
	add_ip(w, field(e->raw, "id.resp_h"));
	add_conn(w, e->raw);
}

struct old_file {
	char name[80];
	int64_t at;
	uint64_t bytes;
};

static int by_age(const void *a, const void *b)
{
	const struct old_file *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* The oldest evidence goes when it is too much. */
static void trim(const char *dir, uint64_t most)
{
	DIR *d = opendir(dir);
	struct old_file *v = NULL;
	size_t n = 0, cap = 0;
	uint64_t sum = 0;
	struct dirent *e;
	struct stat sb;

	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof(v->name) ||
		    fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n == cap) {
			struct old_file *p;

			cap = cap ? cap * 2 : 64;
			p = realloc(v, cap * sizeof(*p));
			if (!p)
				break;
			v = p;
		}
		snprintf(v[n].name, sizeof(v[n].name), "%s", e->d_name);
		v[n].at = sb.st_ctim.tv_sec;
		v[n].bytes = (uint64_t)sb.st_size;
		sum += v[n++].bytes;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_age);
	for (size_t i = 0; i + 2 < n && sum > most; i++) {
		unlinkat(dirfd(d), v[i].name, 0);
		sum -= v[i].bytes;
	}
	if (d)
		closedir(d);
	free(v);
}

static int save(struct run *r, const char *path, const char *comment,
		const struct keep_want *want, struct keep_picked *ret_p)
{
	struct diag d = {{0}};
	int e = keep_pick(r->cap.ring, want, comment, path, ret_p, &d);

	if (e < 0) {
		r->cap.failed++;
		log_line(LOG_ERROR, "packets of an alert: %s", d.msg);
	}
	return e;
}

_Static_assert(CARVE_FILES <= ALERT_FILES_MAX, "an alert names all that are kept");

/* Files out of the packets of an alert whose model asks for them. */
static void carve(struct run *r, struct alert *a, const char *path)
{
	struct carve k = {.dir = r->cap.evidence,
			  .total_max = (uint64_t)r->conf->carve_mib * MIB};
	struct sensor_conf conf = {.carve = &k};
	struct packet_in *in = NULL;
	struct diag d = {{0}};
	char records[16 * KIB]; /* told already */

	k.file_max = k.total_max;
	if (packet_open(path, &conf, &in, &d) < 0) {
		log_line(LOG_ERROR, "files of an alert: %s", d.msg);
		return;
	}
	while (packet_read(in, records, sizeof(records)) > 0)
		;
	packet_close(in);
	for (unsigned i = 0; i < k.nsaved; i++)
		a->files[a->nfiles++] = arena_fmt(&a->mem, "%s/%s", k.dir, k.saved[i]);
}

/* What the daemon had learned before these packets; a name more for the same file. */
static bool link_state(const struct run *r, const char *path)
{
	unlink(path);
	return link(r->state, path) == 0;
}

void run_evidence(void *arg, struct alert *a, const struct event *e)
{
	struct run *r = arg;
	struct run_capture *c = &r->cap;
	struct tail_save t = {.at = a->time + AFTER_NS};
	struct keep_picked p = {0};
	char state[4096];

	if (!c->wire)
		return;
	what_is_wanted(r, e, &t.want);
	if (!t.want.nip || (size_t)snprintf(t.path, sizeof(t.path), "%s/%s.pcapng", c->evidence,
					    a->id) >= sizeof(t.path))
		return;
	snprintf(t.comment, sizeof(t.comment), "alert %s: %.*s", a->id,
		 STR_ARG(a->title.len ? a->title : a->model->title));
	if (save(r, t.path, t.comment, &t.want, &p) < 0 || !p.packets)
		return;
	c->saved++;
	a->packets = arena_fmt(&a->mem, "%s", t.path);
	if (a->model->carve && r->conf->carve_mib)
		carve(r, a, t.path);
	snprintf(state, sizeof(state), "%.*s.ckpt", (int)strlen(t.path) - 7, t.path);
	if (link_state(r, state))
		a->packets_state = arena_fmt(&a->mem, "%s", state);
	if (c->ntails < TAILS_MAX)
		c->tail[c->ntails++] = t;
	trim(c->evidence, (uint64_t)r->conf->evidence_mib * MIB);
}

void run_evidence_tails(struct run *r, int64_t now)
{
	struct run_capture *c = &r->cap;
	struct keep_picked p;

	for (unsigned i = 0; i < c->ntails;) {
		if (c->tail[i].at > now) {
			i++;
			continue;
		}
		(void)save(r, c->tail[i].path, c->tail[i].comment, &c->tail[i].want, &p);
		c->tail[i] = c->tail[--c->ntails];
	}
}
