/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMB 1 to 3 (MS-CIFS, MS-SMB2) on TCP, with or without NetBIOS sessions: shares, files, pipes
 * and what is said on them (DCE/RPC), log-ins. Encrypted messages are passed over.
 */
#include "base/hash.h"
#include "packet/smb.h"
#include "packet/text.h"
#include <stdio.h>

#define WHOLE	 (32 * KIB) /* messages up to here are waited for */
#define PART	 1024U	    /* of a longer one: what describes it */
#define NETBIOS	 512U
#define FILETIME INT64_C(116444736000000000)

static bool is_smb(const uint8_t *p)
{
	return p[0] >= 0xfc && p[1] == 'S' && p[2] == 'M' && p[3] == 'B';
}

static enum sniff_result smb_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	if (p[0] == 0x81 || p[0] == 0x82) /* a NetBIOS session is asked for, or granted */
		return s->hinted && (s->data.len < 4 || be24(p + 1) < NETBIOS) ? SNIFF_YES
									       : SNIFF_NO;
	if (p[0])
		return SNIFF_NO;
	if (s->data.len < 8)
		return SNIFF_MORE;
	return is_smb(p + 4) && be24(p + 1) >= 32 ? SNIFF_YES : SNIFF_NO;
}

/* ---- requests ---- */

void smb_ask_done(struct conn *c, struct smb_ask *a)
{
	conn_free(c, a->name, a->nname);
	*a = (struct smb_ask){0};
}

struct smb_ask *smb_ask_new(struct conn *c, struct smb *s, uint64_t id, uint16_t command)
{
	struct smb_ask *a = &s->ask[s->next_ask++ % SMB_ASKS];

	smb_ask_done(c, a);
	a->used = true;
	a->id = id;
	a->command = command;
	a->ts = c->ts;
	return a;
}

struct smb_ask *smb_ask_find(struct smb *s, uint64_t id)
{
	for (unsigned i = 0; i < SMB_ASKS; i++) {
		struct smb_ask *a = &s->ask[(s->next_ask - 1 - i) % SMB_ASKS];

		if (a->used && a->id == id)
			return a;
	}
	return NULL;
}

void smb_ask_name(struct conn *c, struct smb_ask *a, struct str name, bool wide)
{
	char text[SMB_NAME];
	size_t n;

	conn_free(c, a->name, a->nname);
	a->name = NULL;
	a->nname = 0;
	if (wide) {
		n = text_utf16(name, text, sizeof(text));
	} else {
		n = MIN(MIN(name.len, str_chr(name, 0, 0)), sizeof(text));
		if (n)
			memcpy(text, name.p, n);
	}
	if (n)
		a->name = conn_alloc(c, n);
	if (!a->name)
		return;
	memcpy(a->name, text, n);
	a->nname = (uint16_t)n;
}

/* ---- trees ---- */

const struct smb_tree *smb_tree_of(const struct smb *s, uint32_t id)
{
	for (size_t i = 0; i < SMB_TREES; i++)
		if (s->tree[i].used && s->tree[i].id == id)
			return &s->tree[i];
	return NULL;
}

void smb_tree_gone(struct conn *c, struct smb *s, uint32_t id)
{
	for (size_t i = 0; i < SMB_TREES; i++) {
		struct smb_tree *t = &s->tree[i];

		if (!t->used || t->id != id)
			continue;
		conn_free(c, t->path, t->npath);
		*t = (struct smb_tree){0};
	}
}

static const char *share_text(uint8_t share)
{
	return share == SMB_PIPE ? "PIPE" : share == SMB_PRINT ? "PRINT" : "DISK";
}

void smb_tree_add(struct conn *c, struct smb *s, struct smb_ask *a, uint32_t id, uint8_t share,
		  struct str native_fs)
{
	struct smb_tree *t;
	struct rec *r;

	smb_tree_gone(c, s, id);
	t = &s->tree[s->next_tree++ % SMB_TREES];
	conn_free(c, t->path, t->npath);
	*t = (struct smb_tree){.used = true, .share = share, .id = id};
	t->path = a->name;
	t->npath = a->nname;
	a->name = NULL;
	a->nname = 0;
	r = conn_rec(c, "smb_mapping", a->ts);
	rec_str(r, "path", str_n(t->path, t->npath));
	if (native_fs.len)
		rec_str(r, "native_file_system", native_fs);
	rec_z(r, "share_type", share_text(share));
	rec_end(r);
}

/* ---- files ---- */

static void put_time(struct rec *r, const char *key, uint64_t t)
{
	if (t > (uint64_t)FILETIME && t < (uint64_t)(FILETIME + INT64_MAX / 100))
		rec_secs(r, key, ((int64_t)t - FILETIME) * 100);
}

/* That a file was opened need not be told again while it is as it was. */
static bool told(struct smb *s, uint32_t tree, struct str name, uint64_t size,
		 uint64_t modified)
{
	uint64_t h = hash_str(name, hash_2(hash_2(size, modified), tree));

	for (size_t i = 0; i < SMB_RECENT; i++)
		if (s->recent[i] == h)
			return true;
	s->recent[s->next_recent++ % SMB_RECENT] = h;
	return false;
}

static struct rec *file_rec(struct conn *c, const struct smb *s, uint32_t tree,
			    const char *action, struct str name, struct str before)
{
	const struct smb_tree *t = smb_tree_of(s, tree);
	struct rec *r = conn_rec(c, "smb_files", c->ts);

	rec_z(r, "action", action);
	if (t)
		rec_str(r, "path", str_n(t->path, t->npath));
	rec_str(r, "name", name.len ? name : STR("<share_root>"));
	if (before.len)
		rec_str(r, "prev_name", before);
	if (s->nobody && s->session == s->nobody)
		rec_bool(r, "anonymous", true);
	return r;
}

void smb_write_file(struct conn *c, struct smb *s, uint32_t tree, const char *action,
		    struct str name, struct str before)
{
	rec_end(file_rec(c, s, tree, action, name, before));
}

static void file_done(struct conn *c, struct smb *s, struct smb_file *f)
{
	struct str name = str_n(f->name, f->nname);

	for (unsigned d = 0; d < 2; d++) {
		if (s->way[d].file == f)
			s->way[d].file = NULL;
		file_tap_end(c, f->tap[d], "SMB", d == 0, name);
	}
	if (f->rpc) {
		rpc_end(c, f->rpc);
		conn_free(c, f->rpc, sizeof(*f->rpc));
	}
	conn_free(c, f->name, f->nname);
	*f = (struct smb_file){0};
}

void smb_file_close(struct conn *c, struct smb *s, struct smb_file *f)
{
	if (f->deletes)
		smb_file_deleted(c, s, f);
	file_done(c, s, f);
}

/* A free place, or that of who was not asked for longest. */
static struct smb_file *file_place(struct conn *c, struct smb *s)
{
	struct smb_file *old = &s->file[0];

	for (size_t i = 0; i < SMB_FILES; i++) {
		if (!s->file[i].used)
			return &s->file[i];
		if (s->age - s->file[i].age > s->age - old->age)
			old = &s->file[i];
	}
	file_done(c, s, old);
	return old;
}

/* Pipes of Windows' own services, over which nothing but DCE/RPC goes. */
static bool is_known_pipe(struct str name)
{
	static const char *const known[] = {
		"atsvc",
		"browser",
		"epmapper",
		"efsrpc",
		"eventlog",
		"initshutdown",
		"lsarpc",
		"lsass",
		"lsm_api_service",
		"netdfs",
		"netlogon",
		"ntsvcs",
		"protected_storage",
		"samr",
		"scerpc",
		"spoolss",
		"srvsvc",
		"svcctl",
		"tsvcpipe",
		"W32TIME",
		"winreg",
		"wkssvc",
		"trkwks",
		"ctx_winstation_api_service",
		"mdssvc",
		"dnsserver",
		"FssagentRpc",
		"cert",
	};

	if (name.len && name.p[0] == '\\')
		name = str_sub(name, 1, name.len);
	if (name.len > 5 && str_ieqz(str_sub(name, 0, 5), "PIPE\\"))
		name = str_sub(name, 5, name.len);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_ieqz(name, known[i]))
			return true;
	return false;
}

static void write_open(struct conn *c, struct smb *s, const struct smb_file *f,
		       const struct smb_times *t)
{
	struct str name = str_n(f->name, f->nname);
	const char *action = f->share == SMB_PIPE    ? "SMB::PIPE_OPEN"
			     : f->share == SMB_PRINT ? "SMB::PRINT_OPEN"
						     : "SMB::FILE_OPEN";
	struct rec *r;

	if (f->share == SMB_PIPE && is_known_pipe(name))
		return; /* dce_rpc tells of it */
	if (told(s, f->tree, name, f->size, t->modified))
		return;
	r = file_rec(c, s, f->tree, action, name, str_n(NULL, 0));
	rec_u64(r, "size", f->size);
	put_time(r, "times.modified", t->modified);
	put_time(r, "times.accessed", t->accessed);
	put_time(r, "times.created", t->created);
	put_time(r, "times.changed", t->changed);
	rec_end(r);
}

struct smb_file *smb_file_add(struct conn *c, struct smb *s, struct smb_ask *a,
			      const uint8_t fid[SMB_FID], uint64_t size,
			      const struct smb_times *t)
{
	const struct smb_tree *tree = smb_tree_of(s, a->tree);
	struct smb_file *f = smb_file_of(s, fid);

	if (f)
		file_done(c, s, f);
	f = file_place(c, s);
	*f = (struct smb_file){.used = true,
			       .deletes = a->deletes,
			       .share = tree ? tree->share : SMB_DISK,
			       .tree = a->tree,
			       .age = s->age++,
			       .size = size};
	memcpy(f->fid, fid, SMB_FID);
	f->name = a->name;
	f->nname = a->nname;
	a->name = NULL;
	a->nname = 0;
	write_open(c, s, f, t);
	return f;
}

struct smb_file *smb_file_of(struct smb *s, const uint8_t fid[SMB_FID])
{
	for (size_t i = 0; i < SMB_FILES; i++)
		if (s->file[i].used && memcmp(s->file[i].fid, fid, SMB_FID) == 0) {
			s->file[i].age = s->age++;
			return &s->file[i];
		}
	return NULL;
}

void smb_file_deleted(struct conn *c, struct smb *s, struct smb_file *f)
{
	struct rec *r;

	if (f->deleted)
		return;
	f->deleted = true;
	r = file_rec(c, s, f->tree, "SMB::FILE_DELETE", str_n(f->name, f->nname),
		     str_n(NULL, 0));
	rec_u64(r, "size", f->size);
	rec_end(r);
}

void smb_file_renamed(struct conn *c, struct smb *s, struct smb_file *f, struct smb_ask *a)
{
	struct rec *r = file_rec(c, s, f->tree, "SMB::FILE_RENAME", str_n(a->name, a->nname),
				 str_n(f->name, f->nname));

	rec_u64(r, "size", f->size);
	rec_end(r);
	conn_free(c, f->name, f->nname);
	f->name = a->name;
	f->nname = a->nname;
	a->name = NULL;
	a->nname = 0;
}

/* ---- bytes of files and pipes ---- */

static void feed_pipe(struct conn *c, struct smb_file *f, enum dir d, struct str s)
{
	if (!f->rpc) {
		if (s.len && rpc_sniff(s) == SNIFF_NO)
			return;
		f->rpc = conn_alloc(c, sizeof(*f->rpc));
		if (!f->rpc)
			return;
		memset(f->rpc, 0, sizeof(*f->rpc));
		snprintf(f->rpc->pipe, sizeof(f->rpc->pipe), "%.*s", (int)MIN(f->nname, 60),
			 f->name ? f->name : "");
		f->rpc->npipe = (uint8_t)strlen(f->rpc->pipe);
		conn_service(c, "dce_rpc");
	}
	rpc_feed(c, f->rpc, d, s);
}

static void told_once(struct conn *c, struct smb *s, struct smb_file *f, enum dir d)
{
	bool *before = d == DIR_ORIG ? &f->wrote : &f->did_read;
	struct rec *r;

	if (*before)
		return;
	*before = true;
	r = file_rec(c, s, f->tree, d == DIR_ORIG ? "SMB::FILE_WRITE" : "SMB::FILE_READ",
		     str_n(f->name, f->nname), str_n(NULL, 0));
	if (f->tap[d])
		rec_str(r, "fuid", str_n(f->tap[d]->id, 18));
	rec_u64(r, "size", f->size);
	rec_end(r);
}

static void feed(struct conn *c, struct smb *s, struct smb_file *f, enum dir d, uint64_t at,
		 struct str bytes)
{
	if (f->share == SMB_PIPE) {
		feed_pipe(c, f, d, bytes);
		return;
	}
	if (!f->tap[d]) {
		f->tap[d] = file_tap_new(c);
		if (f->tap[d] && d == DIR_RESP && f->size) {
			f->tap[d]->total = f->size;
			f->tap[d]->has_total = true;
		}
	}
	told_once(c, s, f, d);
	if (f->tap[d])
		file_tap_bytes(c, f->tap[d], at, bytes);
}

void smb_data(struct conn *c, struct smb *s, enum dir d, struct smb_file *f, uint64_t at,
	      struct str m, uint32_t size, size_t off, size_t n)
{
	struct smb_way *w = &s->way[d];
	struct str have = str_sub(m, off, MIN(off, m.len) + n);

	if (!f || !n || off > size || n > size - off)
		return;
	if (have.len)
		feed(c, s, f, d, at, have);
	if (have.len == n)
		return;
	if (off + have.len != m.len) /* it begins behind what is at hand */
		return;
	w->file = f;
	w->left = n - have.len;
	w->at = at + have.len;
}

/* ---- records of commands ---- */

static const char *status_text(uint32_t status, char tmp[16])
{
	static const struct {
		uint32_t status;
		const char *text;
	} known[] = {
		{0, "SUCCESS"},
		{0x00000103, "PENDING"},
		{0xc0000016, "MORE_PROCESSING_REQUIRED"},
		{0xc0000002, "NOT_IMPLEMENTED"},
		{0xc0000008, "INVALID_HANDLE"},
		{0xc000000d, "INVALID_PARAMETER"},
		{0xc0000022, "ACCESS_DENIED"},
		{0xc0000034, "OBJECT_NAME_NOT_FOUND"},
		{0xc0000043, "SHARING_VIOLATION"},
		{0xc0000056, "DELETE_PENDING"},
		{0xc0000061, "PRIVILEGE_NOT_HELD"},
		{0xc0000064, "NO_SUCH_USER"},
		{0xc000006a, "WRONG_PASSWORD"},
		{0xc000006d, "LOGON_FAILURE"},
		{0xc000006e, "ACCOUNT_RESTRICTION"},
		{0xc000006f, "INVALID_LOGON_HOURS"},
		{0xc0000070, "INVALID_WORKSTATION"},
		{0xc0000071, "PASSWORD_EXPIRED"},
		{0xc0000072, "ACCOUNT_DISABLED"},
		{0xc000009a, "INSUFFICIENT_RESOURCES"},
		{0xc00000ac, "PIPE_NOT_AVAILABLE"},
		{0xc00000ae, "PIPE_BUSY"},
		{0xc00000b0, "PIPE_DISCONNECTED"},
		{0xc00000ba, "FILE_IS_A_DIRECTORY"},
		{0xc00000bb, "NOT_SUPPORTED"},
		{0xc00000ca, "NETWORK_ACCESS_DENIED"},
		{0xc00000cc, "BAD_NETWORK_NAME"},
		{0xc0000103, "NOT_A_DIRECTORY"},
		{0xc000015b, "LOGON_TYPE_NOT_GRANTED"},
		{0xc0000192, "NETLOGON_NOT_STARTED"},
		{0xc0000193, "ACCOUNT_EXPIRED"},
		{0xc0000203, "USER_SESSION_DELETED"},
		{0xc0000205, "INSUFF_SERVER_RESOURCES"},
		{0xc0000224, "PASSWORD_MUST_CHANGE"},
		{0xc0000234, "ACCOUNT_LOCKED_OUT"},
		{0xc0000257, "PATH_NOT_COVERED"},
		{0xc000035c, "NETWORK_SESSION_EXPIRED"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].status == status)
			return known[i].text;
	snprintf(tmp, 16, "0x%08x", status);
	return tmp;
}

bool smb_refused(uint32_t status)
{
	static const uint32_t refusal[] = {
		0xc0000022, 0xc0000061, 0xc0000064, 0xc000006a, 0xc000006d, 0xc000006e,
		0xc000006f, 0xc0000070, 0xc0000071, 0xc0000072, 0xc00000ca, 0xc00000cc,
		0xc000015b, 0xc0000193, 0xc0000205, 0xc0000224, 0xc0000234, 0xc000009a,
	};

	for (size_t i = 0; i < ARRAY_LEN(refusal); i++)
		if (refusal[i] == status)
			return true;
	return false;
}

void smb_write_cmd(struct conn *c, struct smb *s, const char *command, const char *sub,
		   const struct smb_ask *a, uint32_t status, int version, struct str argument)
{
	const struct smb_tree *t = a ? smb_tree_of(s, a->tree) : NULL;
	struct rec *r = conn_rec(c, "smb_cmd", a ? a->ts : c->ts);
	char tmp[16];

	rec_z(r, "command", command);
	rec_z(r, "sub_command", sub);
	if (argument.len)
		rec_str(r, "argument", argument);
	rec_z(r, "status", status_text(status, tmp));
	if (a)
		rec_secs(r, "rtt", c->ts - a->ts);
	rec_z(r, "version", version == 1 ? "SMB1" : "SMB2");
	if (s->nuser)
		rec_str(r, "username", str_n(s->user, s->nuser));
	if (!s->by_ntlm) /* of Kerberos; else ntlm tells of it */
		rec_z(r, "client_software", s->ntlm.software);
	if (t) {
		rec_str(r, "tree", str_n(t->path, t->npath));
		rec_z(r, "tree_service", share_text(t->share));
	}
	rec_end(r);
}

void smb_log_in(struct conn *c, struct smb *s, uint32_t status)
{
	s->nuser = 0;
	s->by_ntlm = s->ntlm.auth;
	if (s->ntlm.auth) {
		s->nuser = s->ntlm.nuser;
		memcpy(s->user, s->ntlm.user, s->nuser);
	}
	ntlm_write(c, &s->ntlm, status ? NTLM_FAILURE : NTLM_SUCCESS);
}

/* ---- the stream ---- */

static int64_t go_on(struct conn *c, struct smb *s, enum dir d, struct str in)
{
	struct smb_way *w = &s->way[d];
	size_t n = (size_t)MIN(w->left ? w->left : w->rest, (uint64_t)in.len);

	if (w->left) {
		w->left -= n;
		if (w->file) {
			uint64_t at = w->at;

			w->at += n;
			feed(c, s, w->file, d, at, str_sub(in, 0, n));
		}
	} else {
		w->rest -= n;
	}
	return (int64_t)n;
}

static int64_t smb_stream(struct conn *c, enum dir d, struct str in)
{
	struct smb *s = c->state;
	struct smb_way *w = &s->way[d];
	const uint8_t *p = (const uint8_t *)in.p;
	size_t whole, want;
	struct str m;

	if (w->left || w->rest)
		return go_on(c, s, d, in);
	if (w->lost) { /* a message begins with a segment, as a rule */
		if (in.len < 8 || p[0] || !is_smb(p + 4))
			return (int64_t)in.len;
		w->lost = false;
	}
	if (in.len < 8)
		return in.len >= 4 && be24(p + 1) < 4 && in.len >= 4 + be24(p + 1)
			       ? 4 + (int64_t)be24(p + 1)
			       : 0;
	whole = 4 + (size_t)be24(p + 1);
	if (p[0]) {
		if (whole > NETBIOS || p[0] < 0x81 || p[0] > 0x85)
			return STREAM_FAIL;
		return in.len < whole ? 0 : (int64_t)whole;
	}
	if (whole < 8)
		return (int64_t)whole;
	if (!is_smb(p + 4))
		return STREAM_FAIL;
	want = whole > WHOLE ? PART : whole;
	if (in.len < want)
		return 0;
	m = str_sub(in, 4, MIN(in.len, whole));
	w->file = NULL;
	if (p[4] == 0xfe)
		smb2_message(c, s, d, m, (uint32_t)whole - 4);
	else if (p[4] == 0xff)
		smb1_message(c, s, d, m, (uint32_t)whole - 4);
	w->rest = whole - 4 - m.len - MIN(w->left, (uint64_t)(whole - 4 - m.len));
	return 4 + (int64_t)m.len;
}

static bool smb_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct smb *s = c->state;
	struct smb_way *w = &s->way[d];
	uint64_t k = MIN(w->left, n);

	(void)c;
	if (k && w->file) {
		if (w->file->rpc)
			rpc_gap(w->file->rpc, d, k);
		else if (w->file->tap[d])
			file_tap_lost(w->file->tap[d], k);
	}
	w->left -= k;
	w->at += k;
	n -= k;
	k = MIN(w->rest, n);
	w->rest -= k;
	n -= k;
	if (n) {
		w->left = w->rest = 0;
		w->lost = true;
	}
	return true;
}

static void smb_close(struct conn *c)
{
	struct smb *s = c->state;

	for (size_t i = 0; i < SMB_FILES; i++)
		if (s->file[i].used)
			file_done(c, s, &s->file[i]);
	for (size_t i = 0; i < SMB_ASKS; i++)
		smb_ask_done(c, &s->ask[i]);
	for (size_t i = 0; i < SMB_TREES; i++)
		conn_free(c, s->tree[i].path, s->tree[i].npath);
	memset(s->tree, 0, sizeof(s->tree));
	ntlm_write(c, &s->ntlm, NTLM_UNKNOWN);
}

const struct proto_ops proto_smb = {
	.name = "smb",
	.transports = PROTO_TCP,
	.ports = {445, 139},
	.state_size = sizeof(struct smb),
	.buffer_max = WHOLE + 4,
	.sniff = smb_sniff,
	.stream = smb_stream,
	.gap = smb_gap,
	.close = smb_close,
};
