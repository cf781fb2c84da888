/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of SMB 2 and 3 (MS-SMB2). */
#include "packet/smb.h"

#define HEAD	64
#define CHAIN	32 /* messages in one */
#define REFUSAL 0xc0000000U
#define PENDING 0x103U
#define MORE	0xc0000016U /* of a log-in */

enum command {
	NEGOTIATE,
	SESSION_SETUP,
	LOGOFF,
	TREE_CONNECT,
	TREE_DISCONNECT,
	CREATE,
	CLOSE,
	FLUSH,
	READ,
	WRITE,
	LOCK,
	IOCTL,
	CANCEL,
	ECHO,
	QUERY_DIRECTORY,
	CHANGE_NOTIFY,
	QUERY_INFO,
	SET_INFO,
	OPLOCK_BREAK,
	COMMANDS
};

enum { RESPONSE = 1 };							     /* flags */
enum { RENAME = 10, DISPOSITION = 13, DISPOSITION_EX = 64, RENAME_EX = 65 }; /* classes */
enum { DELETE_ON_CLOSE = 0x1000 };
enum { PIPE_TRANSCEIVE = 0x11c017 };

static const char *const command_text[COMMANDS] = {
	"NEGOTIATE_PROTOCOL",
	"SESSION_SETUP",
	"LOGOFF",
	"TREE_CONNECT",
	"TREE_DISCONNECT",
	"CREATE",
	"CLOSE",
	"FLUSH",
	"READ",
	"WRITE",
	"LOCK",
	"IOCTL",
	"CANCEL",
	"ECHO",
	"QUERY_DIRECTORY",
	"CHANGE_NOTIFY",
	"QUERY_INFO",
	"SET_INFO",
	"OPLOCK_BREAK",
};

/* One message of a chain. */
struct msg {
	struct str m;	  /* from its head on, what is at hand */
	const uint8_t *b; /* its body */
	size_t nb;
	uint32_t size;
	uint32_t status, tree;
	uint16_t command;
	uint64_t id;
	enum dir dir;
};

static uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p + 4) << 32 | le32(p);
}

/* What stands at an offset from the head, as far as it is at hand. */
static struct str at(const struct msg *m, size_t off, size_t n)
{
	return off < HEAD || off > m->m.len || n > m->m.len - off ? str_n(NULL, 0)
								  : str_n(m->m.p + off, n);
}

/* ---- requests ---- */

static void ask_create(struct conn *c, struct smb_ask *a, const struct msg *m)
{
	if (m->nb < 48)
		return;
	a->deletes = le32(m->b + 40) & DELETE_ON_CLOSE;
	smb_ask_name(c, a, at(m, le16(m->b + 44), le16(m->b + 46)), true);
}

static void ask_set_info(struct conn *c, struct smb_ask *a, const struct msg *m)
{
	struct str buf;
	const uint8_t *p;

	if (m->nb < 32)
		return;
	memcpy(a->fid, m->b + 16, SMB_FID);
	if (m->b[2] != 1) /* of a file */
		return;
	buf = at(m, le16(m->b + 8), le32(m->b + 4));
	p = (const uint8_t *)buf.p;
	a->kind = m->b[3];
	if ((a->kind == RENAME || a->kind == RENAME_EX) && buf.len >= 20 &&
	    le32(p + 16) <= buf.len - 20)
		smb_ask_name(c, a, str_n(buf.p + 20, le32(p + 16)), true);
	else if ((a->kind == DISPOSITION || a->kind == DISPOSITION_EX) && buf.len)
		a->deletes = p[0] & 1;
	else
		a->kind = 0;
}

static void ask_ioctl(struct conn *c, struct smb *s, struct smb_ask *a, const struct msg *m)
{
	if (m->nb < 56 || le32(m->b + 4) != PIPE_TRANSCEIVE)
		return;
	memcpy(a->fid, m->b + 8, SMB_FID);
	a->kind = 1;
	smb_data(c, s, m->dir, smb_file_of(s, a->fid), 0, m->m, m->size, le32(m->b + 24),
		 le32(m->b + 28));
}

static void ask_write(struct conn *c, struct smb *s, struct smb_ask *a, const struct msg *m)
{
	if (m->nb < 48)
		return;
	memcpy(a->fid, m->b + 16, SMB_FID);
	smb_data(c, s, m->dir, smb_file_of(s, a->fid), le64(m->b + 8), m->m, m->size,
		 le16(m->b + 2), le32(m->b + 4));
}

/*
 * A client's id is a UUID (version 1 on Windows) or 16 random bytes. Impacket takes 16 random
 * letters, which random bytes are once in 10^11.
 */
static void ask_negotiate(struct smb *s, const struct msg *m)
{
	const uint8_t *guid = m->b + 12;

	if (m->nb < 28)
		return;
	for (size_t i = 0; i < 16; i++)
		if ((guid[i] | 0x20) < 'a' || (guid[i] | 0x20) > 'z')
			return;
	s->ntlm.software = "impacket";
}

static void request(struct conn *c, struct smb *s, const struct msg *m)
{
	struct smb_ask *a;

	if (m->command == CANCEL || m->command == ECHO || m->command == LOCK ||
	    m->command == FLUSH || m->command == QUERY_INFO || m->command == CHANGE_NOTIFY ||
	    m->command == OPLOCK_BREAK)
		return;
	a = smb_ask_new(c, s, m->id, m->command);
	a->tree = m->tree;
	switch (m->command) {
	case NEGOTIATE:
		ask_negotiate(s, m);
		break;
	case SESSION_SETUP:
		if (m->nb >= 16)
			ntlm_token(c, &s->ntlm, at(m, le16(m->b + 12), le16(m->b + 14)));
		break;
	case TREE_CONNECT:
		if (m->nb >= 8)
			smb_ask_name(c, a, at(m, le16(m->b + 4), le16(m->b + 6)), true);
		break;
	case CREATE:
		ask_create(c, a, m);
		break;
	case CLOSE:
		if (m->nb >= 24)
			memcpy(a->fid, m->b + 8, SMB_FID);
		break;
	case READ:
		if (m->nb >= 32) {
			memcpy(a->fid, m->b + 16, SMB_FID);
			a->offset = le64(m->b + 8);
		}
		break;
	case WRITE:
		ask_write(c, s, a, m);
		break;
	case IOCTL:
		ask_ioctl(c, s, a, m);
		break;
	case SET_INFO:
		ask_set_info(c, a, m);
		break;
	default:
		break;
	}
}

/* ---- answers ---- */

static void negotiated(struct conn *c, struct smb *s, const struct smb_ask *a,
		       const struct msg *m)
{
	static const struct {
		uint16_t no;
		const char *text;
	} dialect[] = {{0x0202, "2.0.2"}, {0x0210, "2.1"},   {0x0300, "3.0"},
		       {0x0302, "3.0.2"}, {0x0311, "3.1.1"}, {0x02ff, "2.???"}};
	const char *text = "unknown";

	if (m->nb < 6 || m->status)
		return;
	for (size_t i = 0; i < ARRAY_LEN(dialect); i++)
		if (dialect[i].no == le16(m->b + 4))
			text = dialect[i].text;
	smb_write_cmd(c, s, command_text[NEGOTIATE], NULL, a, m->status, 2, str_of(text));
}

static void session(struct conn *c, struct smb *s, const struct smb_ask *a, const struct msg *m)
{
	if (m->nb >= 8 && m->status == MORE) {
		ntlm_token(c, &s->ntlm, at(m, le16(m->b + 4), le16(m->b + 6)));
		return;
	}
	smb_log_in(c, s, m->status);
	if (s->by_ntlm && !s->nuser && !m->status)
		s->nobody = s->session;
	else if (s->session == s->nobody)
		s->nobody = 0;
	smb_write_cmd(c, s, command_text[SESSION_SETUP], NULL, a, m->status, 2, str_n(NULL, 0));
}

/* The file of a request; one that came in a chain means the file opened there. */
static struct smb_file *file_of(struct smb *s, const struct smb_ask *a)
{
	static const uint8_t chained[SMB_FID] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
						 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
						 0xff, 0xff, 0xff, 0xff};

	return smb_file_of(s, memcmp(a->fid, chained, SMB_FID) == 0 ? s->chain_fid : a->fid);
}

static void created(struct conn *c, struct smb *s, struct smb_ask *a, const struct msg *m)
{
	struct smb_times t;

	if (m->nb < 80)
		return;
	t = (struct smb_times){le64(m->b + 8), le64(m->b + 16), le64(m->b + 24),
			       le64(m->b + 32)};
	memcpy(s->chain_fid, m->b + 64, SMB_FID);
	smb_file_add(c, s, a, m->b + 64, le64(m->b + 48), &t);
}

static void info_set(struct conn *c, struct smb *s, struct smb_ask *a)
{
	struct smb_file *f = file_of(s, a);

	if (!f)
		return;
	if (a->kind == RENAME || a->kind == RENAME_EX)
		smb_file_renamed(c, s, f, a);
	else if (a->deletes)
		smb_file_deleted(c, s, f);
}

static void done(struct conn *c, struct smb *s, struct smb_ask *a, const struct msg *m)
{
	struct smb_file *f;

	switch (a->command) {
	case TREE_CONNECT:
		if (m->nb >= 4)
			smb_tree_add(c, s, a, m->tree, m->b[2], str_n(NULL, 0));
		break;
	case TREE_DISCONNECT:
		smb_tree_gone(c, s, a->tree);
		break;
	case CREATE:
		created(c, s, a, m);
		break;
	case CLOSE:
		f = file_of(s, a);
		if (f)
			smb_file_close(c, s, f);
		break;
	case READ:
		if (m->nb >= 16)
			smb_data(c, s, m->dir, file_of(s, a), a->offset, m->m, m->size, m->b[2],
				 le32(m->b + 4));
		break;
	case IOCTL:
		if (a->kind && m->nb >= 40)
			smb_data(c, s, m->dir, file_of(s, a), 0, m->m, m->size, le32(m->b + 32),
				 le32(m->b + 36));
		break;
	case SET_INFO:
		info_set(c, s, a);
		break;
	default:
		break;
	}
}

static void response(struct conn *c, struct smb *s, const struct msg *m)
{
	struct smb_ask *a = smb_ask_find(s, m->id);

	if (m->status == PENDING)
		return;
	if (m->command == NEGOTIATE) /* also the answer to SMB 1's */
		negotiated(c, s, a && a->command == NEGOTIATE ? a : NULL, m);
	if (!a)
		return;
	if (a->command != m->command) {
		smb_ask_done(c, a);
		return;
	}
	if (m->command == SESSION_SETUP)
		session(c, s, a, m);
	else if (m->status < REFUSAL) /* warnings too: they come with data */
		done(c, s, a, m);
	else if (smb_refused(m->status) && m->command < COMMANDS)
		smb_write_cmd(c, s, command_text[m->command], NULL, a, m->status, 2,
			      str_n(a->name, a->nname));
	smb_ask_done(c, a);
}

void smb2_message(struct conn *c, struct smb *s, enum dir d, struct str in, uint32_t size)
{
	memset(s->chain_fid, 0, SMB_FID);
	for (unsigned i = 0; i < CHAIN && in.len >= HEAD; i++) {
		const uint8_t *p = (const uint8_t *)in.p;
		uint32_t next = le32(p + 20), own = next ? MIN(next, size) : size;
		struct msg m;

		if (p[0] != 0xfe || p[1] != 'S' || (next && (next < HEAD || next > size)))
			return;
		m = (struct msg){.m = str_sub(in, 0, own),
				 .size = own,
				 .status = le32(p + 8),
				 .command = le16(p + 12),
				 .id = le64(p + 24),
				 .tree = le32(p + 36),
				 .dir = d};
		if (le64(p + 40) != UINT64_MAX) /* else that of the message before */
			s->session = le64(p + 40);
		m.b = p + HEAD;
		m.nb = m.m.len - HEAD;
		if (le32(p + 16) & RESPONSE)
			response(c, s, &m);
		else
			request(c, s, &m);
		if (!next || next >= in.len)
			return;
		in = str_sub(in, next, in.len);
		size -= next;
	}
}
