/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/smb: what SMB 1 and SMB 2 and 3 have in common: trees, open files and pipes, requests
 * that wait for their answer, and the records of them. proto_smb.c owns it, smb1.c and smb2.c
 * read messages into it.
 */
#ifndef PACKET_SMB_H
#define PACKET_SMB_H
#include "packet/files.h"
#include "packet/rpc.h"

#define SMB_TREES  16
#define SMB_FILES  64
#define SMB_ASKS   64
#define SMB_RECENT 32
#define SMB_NAME   1024 /* bytes of a path */
#define SMB_FID	   16

enum smb_share { SMB_DISK = 1, SMB_PIPE = 2, SMB_PRINT = 3 };

struct smb_tree {
	bool used;
	uint8_t share;
	uint16_t npath;
	uint32_t id;
	char *path; /* owns; npath bytes */
};

struct smb_file {
	bool used, wrote, did_read, deletes, deleted;
	uint8_t share;
	uint16_t nname;
	uint32_t tree, age;
	uint8_t fid[SMB_FID];
	char *name; /* owns */
	uint64_t size;
	struct rpc *rpc;	 /* owns; of a pipe */
	struct file_tap *tap[2]; /* owns; written, read */
};

/* What a request was about, kept for its answer. */
struct smb_ask {
	bool used, deletes;
	uint8_t kind; /* of the version's own making */
	uint16_t nname;
	uint16_t command;
	uint32_t tree;
	uint64_t id;
	int64_t ts;
	uint64_t offset;
	uint8_t fid[SMB_FID];
	char *name; /* owns */
};

struct smb_way {
	struct smb_file *file; /* whose bytes go on; NULL: nobody's */
	uint64_t left, at;     /* of these bytes; their place in the file */
	uint64_t rest;	       /* of the message, behind them */
	bool lost;	       /* a gap: the next message is searched for */
};

struct smb {
	struct smb_tree tree[SMB_TREES];
	struct smb_file file[SMB_FILES];
	struct smb_ask ask[SMB_ASKS];
	struct smb_way way[2];
	uint64_t recent[SMB_RECENT];
	unsigned next_tree, next_ask, next_recent;
	uint32_t age;
	struct ntlm ntlm;
	char user[NTLM_NAME]; /* who logged in last */
	uint8_t nuser;
	bool by_ntlm;		    /* the last log-in */
	uint64_t session, nobody;   /* SMB 2: of this message; in which nobody logged in */
	bool wide;		    /* SMB 1: names are UTF-16 */
	uint8_t chain_fid[SMB_FID]; /* of the file opened in this chain of messages */
};

/* Times of a file as SMB sends them: 100 ns since 1601; 0 unknown. */
struct smb_times {
	uint64_t created, accessed, modified, changed;
};

/* m: of a message, as much as is at hand; size: all of it. */
void smb1_message(struct conn *c, struct smb *s, enum dir d, struct str m, uint32_t size);
void smb2_message(struct conn *c, struct smb *s, enum dir d, struct str m, uint32_t size);

struct smb_ask *smb_ask_new(struct conn *c, struct smb *s, uint64_t id, uint16_t command);
struct smb_ask *smb_ask_find(struct smb *s, uint64_t id);
void smb_ask_done(struct conn *c, struct smb_ask *a);
/* Keeps a name with a request; utf16 or bytes. */
void smb_ask_name(struct conn *c, struct smb_ask *a, struct str name, bool wide);

/* A share was connected: it takes the request's name. Writes the record. */
void smb_tree_add(struct conn *c, struct smb *s, struct smb_ask *a, uint32_t id, uint8_t share,
		  struct str native_fs);
void smb_tree_gone(struct conn *c, struct smb *s, uint32_t id);
const struct smb_tree *smb_tree_of(const struct smb *s, uint32_t id);

/* A file was opened: it takes the request's name. Writes the record. */
struct smb_file *smb_file_add(struct conn *c, struct smb *s, struct smb_ask *a,
			      const uint8_t fid[SMB_FID], uint64_t size,
			      const struct smb_times *t);
struct smb_file *smb_file_of(struct smb *s, const uint8_t fid[SMB_FID]);
void smb_file_close(struct conn *c, struct smb *s, struct smb_file *f);
void smb_file_deleted(struct conn *c, struct smb *s, struct smb_file *f);
void smb_file_renamed(struct conn *c, struct smb *s, struct smb_file *f, struct smb_ask *a);
/* A record of an action on a name that is not open. */
void smb_write_file(struct conn *c, struct smb *s, uint32_t tree, const char *action,
		    struct str name, struct str before);

/*
 * n bytes of a file or pipe at `off` of message m of `size` bytes, which may go on beyond what
 * is at hand; f may be NULL.
 */
void smb_data(struct conn *c, struct smb *s, enum dir d, struct smb_file *f, uint64_t at,
	      struct str m, uint32_t size, size_t off, size_t n);

/* smb_cmd: negotiation, log-in, and what was refused. */
void smb_write_cmd(struct conn *c, struct smb *s, const char *command, const char *sub,
		   const struct smb_ask *a, uint32_t status, int version, struct str argument);
/* Whether a status is a refusal worth a record, not one of everyday. */
bool smb_refused(uint32_t status);
void smb_log_in(struct conn *c, struct smb *s, uint32_t status);

#endif
