/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/source: log sources as sources/ declares them, and the decoder that turns the records
 * of one open file into events. The declaration language is described in docs/SOURCES.md.
 */
#ifndef PARSE_SOURCE_H
#define PARSE_SOURCE_H
#include "event/event.h"
#include "parse/codec.h"

struct sources;

/* Reads every sources/ file under dir and registers the record types with s. */
MUST int sources_load(const char *dir, struct schema *s, struct sources **ret_src,
		      struct diag *d);
/* After schema_freeze: compiles the decode plans. */
MUST int sources_compile(struct sources *src, struct schema *s);
struct sources *sources_free(struct sources *src);

/* Reasons for refusing are counted under these texts, per source. */
struct refusal {
	const char *source; /* or the codec's name while no source is known */
	const char *why;    /* static text */
	uint64_t n;
	char first[200]; /* the first refused bytes, escaped, for the user */
};

struct decoder; /* of one open file; used by one thread at a time */

/*
 * Recognises a file by its first bytes (decompressed; up to 64 KiB) and makes its decoder.
 * 0, or E_FORMAT when no codec and source know it (d says what it looked like).
 */
MUST int decoder_open(const struct sources *src, const char *path, struct str head,
		      struct decoder **ret_dec, struct diag *d);
/* The same by name of the codec ("json"), whatever the file begins with. E_NOTFOUND. */
MUST int decoder_open_as(const struct sources *src, const char *path, const char *codec,
			 struct decoder **ret_dec, struct diag *d);
/* What a file was recognised as, so that it need not be asked again when it is read again. */
struct recognised {
	const struct codec_ops *ops; /* NULL: not known, or its head says more than that */
	const struct source_def *def;
};
struct recognised decoder_recognised(const struct decoder *dec);
MUST int decoder_open_again(const struct sources *src, const char *path, struct recognised as,
			    struct decoder **ret_dec, struct diag *d);
/* The file was last written then, whatever its date says. */
void decoder_written(struct decoder *dec, int64_t ns);
/* Whether a record so far had a time without a year. */
bool decoder_yearless(const struct decoder *dec);
struct decoder *decoder_free(struct decoder *dec);
const struct codec_ops *decoder_codec(const struct decoder *dec);
/* "zeek.conn" or "aws.cloudtrail"; the source the head was recognised as. */
const char *decoder_source(const struct decoder *dec);

/* Cuts the next record out of buf; see codec_ops.frame. Refusals are counted. */
enum frame_result decoder_frame(struct decoder *dec, struct str buf, size_t *pos, bool eof,
				struct str *ret_rec);
/*
 * Under which header the record framed last stands, a small number for decoder_at; ERA_NONE
 * when the file has had more than 64 different ones, and the record is refused.
 */
#define ERA_NOW	 UINT32_MAX
#define ERA_NONE (UINT32_MAX - 1)
uint32_t decoder_era(struct decoder *dec);
/* Records that follow stand under that header; ERA_NOW: under the one read last. */
void decoder_at(struct decoder *dec, uint32_t era);
/*
 * Only the moment at which a record was known, for ordering files before they are decoded: as
 * cheap as the codec allows. false when the record has none (it will be refused).
 * One record may hold several events (wrapped lists): then the earliest.
 */
bool decoder_known(struct decoder *dec, struct str rec, int64_t *ret_known);
/*
 * Decodes a record into b: 0 or more events, with time, known, id, hash, raw and row set, ents
 * empty, seq 0. rec must stay valid as long as the batch. Refused records are counted, never
 * an error. Returns the number of events added, -ENOSPC when b had no room for all of them
 * (nothing was added; try again with an empty batch), or -ENOMEM.
 */
MUST int decoder_decode(struct decoder *dec, struct str rec, struct batch *b);

/* Records refused so far by reason; returns how many reasons. */
size_t decoder_refusals(const struct decoder *dec, const struct refusal **ret_r);

#endif
