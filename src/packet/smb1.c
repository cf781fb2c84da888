/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of SMB 1 (MS-CIFS, MS-SMB), as far as files, pipes and log-ins go. */
#include "packet/smb.h"
#include "packet/text.h"

#define HEAD	32
#define CHAIN	6 /* commands in one message */
#define MORE	0xc0000016U
#define REFUSAL 0xc0000000U

enum {
	CLOSE = 0x04,
	DELETE = 0x06,
	RENAME = 0x07,
	TRANS = 0x25,
	OPEN_ANDX = 0x2d,
	READ_ANDX = 0x2e,
	WRITE_ANDX = 0x2f,
	TRANS2 = 0x32,
	TREE_DISCONNECT = 0x71,
	NEGOTIATE = 0x72,
	SESSION_SETUP = 0x73,
	TREE_CONNECT = 0x75,
	NT_TRANS = 0xa0,
	NT_CREATE = 0xa2,
};

enum { TRANSACT_PIPE = 0x26 };					/* setup of TRANS */
enum { SET_PATH_INFO = 6, SET_FILE_INFO = 8, T2_SESSION = 14 }; /* setup of TRANS2 */
enum { DELETE_ON_CLOSE = 0x1000 };
/* Levels of SET_FILE_INFO; those from 1000 on are the classes of Windows itself. */
enum { LEVEL_DISPOSITION = 0x102, LEVEL_NT_RENAME = 1010, LEVEL_NT_DISPOSITION = 1013 };
enum { KIND_NONE, KIND_PIPE, KIND_RENAME, KIND_DELETE, KIND_SESSION };

/* One command of a message: its words and bytes. */
struct cmd {
	struct str m; /* the message from its head on, what is at hand */
	uint32_t size;
	const uint8_t *w;
	size_t nw; /* bytes of words */
	struct str b;
	size_t b_at; /* offset of the bytes in the message */
	uint8_t code;
	uint32_t status, tree;
	uint64_t id;
	bool wide, reply;
	enum dir dir;
};

static const char *command_text(uint8_t code)
{
	switch (code) {
	case CLOSE:
		return "CLOSE";
	case DELETE:
		return "DELETE";
	case RENAME:
		return "RENAME";
	case TRANS:
		return "TRANSACTION";
	case OPEN_ANDX:
		return "OPEN_ANDX";
	case READ_ANDX:
		return "READ_ANDX";
	case WRITE_ANDX:
		return "WRITE_ANDX";
	case TRANS2:
		return "TRANSACTION2";
	case NEGOTIATE:
		return "NEGOTIATE";
	case SESSION_SETUP:
		return "SESSION_SETUP_ANDX";
	case TREE_CONNECT:
		return "TREE_CONNECT_ANDX";
	case NT_TRANS:
		return "NT_TRANSACT";
	case NT_CREATE:
		return "NT_CREATE_ANDX";
	default:
		return NULL;
	}
}

static void put_fid(uint8_t fid[SMB_FID], const uint8_t *p)
{
	memset(fid, 0, SMB_FID);
	memcpy(fid, p, 2);
}

/* A string of the bytes from *at on, without its NUL; *at moves past it. */
static struct str string(const struct cmd *k, size_t *at, bool wide)
{
	size_t n = 0;
	struct str s;

	if (wide && (k->b_at + *at) % 2)
		++*at;
	s = str_sub(k->b, *at, k->b.len);
	if (wide) {
		while (n + 2 <= s.len && (s.p[n] || s.p[n + 1]))
			n += 2;
		*at += n + 2;
	} else {
		n = MIN(s.len, str_chr(s, 0, 0));
		*at += n + 1;
	}
	return str_sub(s, 0, n);
}

/* Bytes at an offset from the head. */
static struct str at(const struct cmd *k, size_t off, size_t n)
{
	return off > k->m.len || n > k->m.len - off ? str_n(NULL, 0) : str_n(k->m.p + off, n);
}

/* ---- requests ---- */

/* Names of dialects, one a line. */
static void ask_negotiate(struct conn *c, struct smb_ask *a, const struct cmd *k)
{
	char text[SMB_NAME];
	size_t n = MIN(k->b.len, sizeof(text));

	for (size_t i = 0; i < n; i++)
		text[i] = k->b.p[i] == 0 ? '\n' : k->b.p[i] == 2 ? ' ' : k->b.p[i];
	smb_ask_name(c, a, str_n(text, n), false);
}

/* A log-in of before NTLMSSP: the names stand behind the two answers to the challenge. */
static void old_log_in(struct conn *c, struct smb *s, const struct cmd *k)
{
	size_t from = (size_t)le16(k->w + 14) + le16(k->w + 16);
	struct ntlm *n = &s->ntlm;
	struct str user, domain;

	user = string(k, &from, k->wide);
	domain = string(k, &from, k->wide);
	n->auth = true;
	n->ts = c->ts;
	n->nhost = n->nnb = n->ndns = n->ntree = 0;
	if (k->wide) {
		n->nuser = (uint8_t)text_utf16(user, n->user, NTLM_NAME);
		n->ndomain = (uint8_t)text_utf16(domain, n->domain, NTLM_NAME);
		return;
	}
	n->nuser = (uint8_t)MIN(user.len, (size_t)NTLM_NAME);
	n->ndomain = (uint8_t)MIN(domain.len, (size_t)NTLM_NAME);
	if (n->nuser)
		memcpy(n->user, user.p, n->nuser);
	if (n->ndomain)
		memcpy(n->domain, domain.p, n->ndomain);
}

static void ask_session(struct conn *c, struct smb *s, const struct cmd *k)
{
	if (k->nw == 24)
		ntlm_token(c, &s->ntlm, str_sub(k->b, 0, le16(k->w + 14)));
	else if (k->nw == 26)
		old_log_in(c, s, k);
}

static void ask_create(struct conn *c, struct smb_ask *a, const struct cmd *k)
{
	size_t from = 0;

	if (k->nw < 48)
		return;
	a->deletes = le32(k->w + 39) & DELETE_ON_CLOSE;
	smb_ask_name(c, a, string(k, &from, k->wide), k->wide);
}

/* TRANS and TRANS2: a count of parameters and data, and where they stand. */
static void ask_trans(struct conn *c, struct smb *s, struct smb_ask *a, const struct cmd *k)
{
	unsigned setup;
	struct str p, d;

	if (k->nw < 30 || !k->w[26])
		return;
	setup = le16(k->w + 28);
	if (k->code == TRANS) {
		if (setup != TRANSACT_PIPE || k->nw < 32)
			return;
		a->kind = KIND_PIPE;
		put_fid(a->fid, k->w + 30);
		smb_data(c, s, k->dir, smb_file_of(s, a->fid), 0, k->m, k->size,
			 le16(k->w + 24), le16(k->w + 22));
		return;
	}
	if (setup == T2_SESSION)
		a->kind = KIND_SESSION;
	p = at(k, le16(k->w + 20), le16(k->w + 18));
	d = at(k, le16(k->w + 24), le16(k->w + 22));
	if (setup != SET_FILE_INFO || p.len < 4 || !d.len)
		return;
	put_fid(a->fid, (const uint8_t *)p.p);
	switch (le16((const uint8_t *)p.p + 2)) {
	case LEVEL_DISPOSITION:
	case LEVEL_NT_DISPOSITION:
		a->kind = d.p[0] & 1 ? KIND_DELETE : KIND_NONE;
		break;
	case LEVEL_NT_RENAME:
		if (d.len < 12)
			break;
		a->kind = KIND_RENAME;
		smb_ask_name(c, a, str_sub(d, 12, d.len), true);
		break;
	default:
		break;
	}
}

static void ask_write(struct conn *c, struct smb *s, const struct cmd *k)
{
	uint8_t fid[SMB_FID];
	uint64_t off;

	if (k->nw < 24)
		return;
	put_fid(fid, k->w + 4);
	off = le32(k->w + 6) | (k->nw >= 28 ? (uint64_t)le32(k->w + 24) << 32 : 0);
	smb_data(c, s, k->dir, smb_file_of(s, fid), off, k->m, k->size, le16(k->w + 22),
		 le16(k->w + 20) | (size_t)le16(k->w + 18) << 16);
}

static void ask_read(struct smb_ask *a, const struct cmd *k)
{
	if (k->nw < 20)
		return;
	put_fid(a->fid, k->w + 4);
	a->offset = le32(k->w + 6) | (k->nw >= 24 ? (uint64_t)le32(k->w + 20) << 32 : 0);
}

/* The name of DELETE, behind a 4. */
static void ask_name(struct conn *c, struct smb_ask *a, const struct cmd *k)
{
	size_t from = 1;
	struct str name = string(k, &from, k->wide);

	smb_ask_name(c, a, name, k->wide);
}

/* The two names of RENAME, each behind a 4: kept with a line between. */
static void ask_rename(struct conn *c, struct smb_ask *a, const struct cmd *k)
{
	char text[SMB_NAME];
	size_t from = 1, n = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct str s = string(k, &from, k->wide);

		if (k->wide) {
			n += text_utf16(s, text + n, sizeof(text) / 2 - 1);
		} else if (s.len) {
			s.len = MIN(s.len, sizeof(text) / 2 - 1);
			memcpy(text + n, s.p, s.len);
			n += s.len;
		}
		if (!i)
			text[n++] = '\n';
		from++;
	}
	smb_ask_name(c, a, str_n(text, n), false);
}

static void ask_tree(struct conn *c, struct smb_ask *a, const struct cmd *k)
{
	size_t from = k->nw >= 8 ? le16(k->w + 6) : 0;

	smb_ask_name(c, a, string(k, &from, k->wide), k->wide);
}

static void request(struct conn *c, struct smb *s, const struct cmd *k)
{
	struct smb_ask *a;

	if (!command_text(k->code) && k->code != TREE_DISCONNECT)
		return;
	a = smb_ask_new(c, s, k->id << 8 | k->code, k->code);
	a->tree = k->tree;
	switch (k->code) {
	case NEGOTIATE:
		ask_negotiate(c, a, k);
		break;
	case SESSION_SETUP:
		ask_session(c, s, k);
		break;
	case TREE_CONNECT:
		ask_tree(c, a, k);
		break;
	case NT_CREATE:
	case OPEN_ANDX:
		ask_create(c, a, k);
		break;
	case CLOSE:
		if (k->nw >= 2)
			put_fid(a->fid, k->w);
		break;
	case READ_ANDX:
		ask_read(a, k);
		break;
	case WRITE_ANDX:
		ask_write(c, s, k);
		break;
	case TRANS:
	case TRANS2:
		ask_trans(c, s, a, k);
		break;
	case DELETE:
		ask_name(c, a, k);
		break;
	case RENAME:
		ask_rename(c, a, k);
		break;
	default:
		break;
	}
}

/* ---- answers ---- */

static void negotiated(struct conn *c, struct smb *s, const struct smb_ask *a,
		       const struct cmd *k)
{
	struct str rest = str_n(a->name, a->nname), line = {0};

	if (k->nw < 2 || le16(k->w) == 0xffff)
		return;
	for (unsigned i = 0; i <= le16(k->w) && rest.p; i++)
		line = str_cut(rest, '\n', &rest);
	smb_write_cmd(c, s, "NEGOTIATE", NULL, a, k->status, 1, str_trim(line));
}

static void session(struct conn *c, struct smb *s, const struct smb_ask *a, const struct cmd *k)
{
	if (k->status == MORE) {
		if (k->nw >= 8)
			ntlm_token(c, &s->ntlm, str_sub(k->b, 0, le16(k->w + 6)));
		return;
	}
	smb_log_in(c, s, k->status);
	smb_write_cmd(c, s, command_text(SESSION_SETUP), NULL, a, k->status, 1, str_n(NULL, 0));
}

static void tree(struct conn *c, struct smb *s, struct smb_ask *a, const struct cmd *k)
{
	size_t from = 0;
	struct str service = string(k, &from, false), native = string(k, &from, k->wide);
	char text[64];
	uint8_t share = str_eqz(service, "IPC")	    ? SMB_PIPE
			: str_eqz(service, "LPT1:") ? SMB_PRINT
						    : SMB_DISK;
	size_t n = k->wide ? text_utf16(native, text, sizeof(text))
			   : MIN(native.len, sizeof(text));

	if (!k->wide && n)
		memcpy(text, native.p, n);
	smb_tree_add(c, s, a, k->tree, share, str_n(text, n));
}

static uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p + 4) << 32 | le32(p);
}

static void created(struct conn *c, struct smb *s, struct smb_ask *a, const struct cmd *k)
{
	struct smb_times t;
	uint8_t fid[SMB_FID];

	if (k->nw < 63)
		return;
	put_fid(fid, k->w + 5);
	t = (struct smb_times){le64(k->w + 11), le64(k->w + 19), le64(k->w + 27),
			       le64(k->w + 35)};
	smb_file_add(c, s, a, fid, le64(k->w + 55), &t);
}

static void opened(struct conn *c, struct smb *s, struct smb_ask *a, const struct cmd *k)
{
	struct smb_times t = {0};
	uint8_t fid[SMB_FID];

	if (k->nw < 16)
		return;
	put_fid(fid, k->w + 4);
	smb_file_add(c, s, a, fid, le32(k->w + 12), &t);
}

static void transacted(struct conn *c, struct smb *s, struct smb_ask *a, const struct cmd *k)
{
	struct smb_file *f = smb_file_of(s, a->fid);

	if (a->kind == KIND_SESSION)
		smb_write_cmd(c, s, command_text(TRANS2), "SESSION_SETUP", a, k->status, 1,
			      str_n(NULL, 0));
	if (!f)
		return;
	if (a->kind == KIND_PIPE && k->nw >= 16)
		smb_data(c, s, k->dir, f, 0, k->m, k->size, le16(k->w + 14), le16(k->w + 12));
	else if (a->kind == KIND_RENAME)
		smb_file_renamed(c, s, f, a);
	else if (a->kind == KIND_DELETE)
		smb_file_deleted(c, s, f);
}

static void done(struct conn *c, struct smb *s, struct smb_ask *a, const struct cmd *k)
{
	struct str before, after;
	struct smb_file *f;

	switch (k->code) {
	case TREE_CONNECT:
		tree(c, s, a, k);
		break;
	case TREE_DISCONNECT:
		smb_tree_gone(c, s, a->tree);
		break;
	case NT_CREATE:
		created(c, s, a, k);
		break;
	case OPEN_ANDX:
		opened(c, s, a, k);
		break;
	case CLOSE:
		f = smb_file_of(s, a->fid);
		if (f)
			smb_file_close(c, s, f);
		break;
	case READ_ANDX:
		if (k->nw >= 16)
			smb_data(c, s, k->dir, smb_file_of(s, a->fid), a->offset, k->m, k->size,
				 le16(k->w + 12),
				 le16(k->w + 10) | (size_t)le16(k->w + 14) << 16);
		break;
	case TRANS:
	case TRANS2:
		transacted(c, s, a, k);
		break;
	case DELETE:
		smb_write_file(c, s, a->tree, "SMB::FILE_DELETE", str_n(a->name, a->nname),
			       str_n(NULL, 0));
		break;
	case RENAME:
		before = str_cut(str_n(a->name, a->nname), '\n', &after);
		smb_write_file(c, s, a->tree, "SMB::FILE_RENAME", after, before);
		break;
	default:
		break;
	}
}

static void response(struct conn *c, struct smb *s, const struct cmd *k)
{
	struct smb_ask *a = smb_ask_find(s, k->id << 8 | k->code);

	if (!a)
		return;
	if (k->code == NEGOTIATE)
		negotiated(c, s, a, k);
	else if (k->code == SESSION_SETUP)
		session(c, s, a, k);
	else if (a->kind == KIND_SESSION)
		transacted(c, s, a, k);
	else if (k->status < REFUSAL)
		done(c, s, a, k);
	else if (smb_refused(k->status) && command_text(k->code))
		smb_write_cmd(c, s, command_text(k->code), NULL, a, k->status, 1,
			      str_n(a->name, a->nname));
	if (k->code != TRANS || k->status != MORE)
		smb_ask_done(c, a);
}

/* Words and bytes of the command at an offset; false: they are not at hand. */
static bool take(struct cmd *k, size_t off)
{
	const uint8_t *p = (const uint8_t *)k->m.p;

	if (off >= k->m.len)
		return false;
	k->nw = 2U * p[off];
	k->w = p + off + 1;
	if (k->nw > k->m.len - off - 1)
		return false;
	off += 1 + k->nw;
	k->b_at = off + 2;
	k->b = off + 2 <= k->m.len ? str_sub(k->m, off + 2, off + 2 + (size_t)le16(p + off))
				   : str_n(k->m.p + k->m.len, 0);
	return true;
}

/* Commands that another one may follow in the same message. */
static bool is_chained(uint8_t code)
{
	return code == OPEN_ANDX || code == READ_ANDX || code == WRITE_ANDX ||
	       code == SESSION_SETUP || code == TREE_CONNECT || code == NT_CREATE;
}

void smb1_message(struct conn *c, struct smb *s, enum dir d, struct str m, uint32_t size)
{
	const uint8_t *p = (const uint8_t *)m.p;
	size_t off = HEAD;
	struct cmd k;

	if (m.len < HEAD + 1)
		return;
	k = (struct cmd){.m = m,
			 .size = size,
			 .code = p[4],
			 .status = le32(p + 5),
			 .reply = p[9] & 0x80,
			 .wide = p[11] & 0x80,
			 .tree = le16(p + 24),
			 .id = (uint64_t)le16(p + 26) << 16 | le16(p + 30),
			 .dir = d};
	for (unsigned i = 0; i < CHAIN && take(&k, off); i++) {
		if (k.reply)
			response(c, s, &k);
		else
			request(c, s, &k);
		if (!is_chained(k.code) || k.nw < 4 || k.w[0] == 0xff || le16(k.w + 2) <= off)
			return;
		off = le16(k.w + 2);
		k.code = k.w[0];
	}
}
