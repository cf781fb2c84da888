/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data connections of FTP, which proto_ftp has announced. What a command that moves a file
 * has named is a file (packet/files); lists of folders are passed over.
 */
#include "packet/files.h"

struct ftp_data {
	struct file_tap *file; /* owns; of the side that sends, or NULL */
	enum dir from;
	bool begun;
};

static int64_t ftp_data_stream(struct conn *c, enum dir d, struct str data)
{
	struct ftp_data *f = c->state;

	if (!f->begun) {
		f->begun = true;
		f->from = d;
		f->file = file_tap_new(c);
	}
	if (f->file && d == f->from)
		file_tap_bytes(c, f->file, f->file->next, data);
	return (int64_t)data.len;
}

static bool ftp_data_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct ftp_data *f = c->state;

	f->begun = true; /* without its first bytes there is no file */
	if (f->file && d == f->from)
		file_tap_lost(f->file, n);
	return true;
}

static void ftp_data_close(struct conn *c)
{
	struct ftp_data *f = c->state;
	struct str name = conn_expected_name(c);

	if (name.len)
		file_tap_end(c, f->file, "FTP_DATA", f->from == DIR_ORIG, name);
	else
		file_tap_drop(c, f->file);
}

const struct proto_ops proto_ftp_data = {
	.name = "ftp-data",
	.transports = PROTO_TCP,
	.ports = {20},
	.state_size = sizeof(struct ftp_data),
	.stream = ftp_data_stream,
	.gap = ftp_data_gap,
	.close = ftp_data_close,
};
