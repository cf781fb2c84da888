/* SPDX-License-Identifier: Apache-2.0 */
/* Windows events as XML: <Event> elements one after the other, bare or inside <Events>. */
#include "parse/xmlevent.h"
#include <errno.h>

#define EVENT_MAX ((size_t)1 << 20)

#define DAMAGE STR("<EvtxDamage why=\"")

/* What sense/evtx says of damage that stands before the next event; NULL when there is none. */
static const char *damage(struct str s, size_t *ret_end)
{
	size_t at = str_find(s, DAMAGE), end;
	struct str why;

	if (at == SIZE_MAX)
		return NULL;
	why = str_sub(s, at + DAMAGE.len, s.len);
	end = str_chr(why, '>', 0);
	if (end == SIZE_MAX)
		return NULL;
	*ret_end = at + DAMAGE.len + end + 1;
	return str_starts(why, STR("checksum")) ? "event log: checksum of a chunk is wrong"
	       : str_starts(why, STR("torn"))	? "event log: a chunk ends in the middle"
						: "event log: broken record";
}

/* Where the next <Event> opens, SIZE_MAX when none does. */
static size_t next_event(struct str s, size_t from)
{
	while ((from = str_chr(s, '<', from)) != SIZE_MAX) {
		if (xmlevent_starts(str_sub(s, from, s.len)))
			return from;
		from++;
	}
	return SIZE_MAX;
}

static int xml_sniff(struct str head)
{
	size_t at;

	if (str_starts(head, STR("\xef\xbb\xbf")))
		head = str_sub(head, 3, head.len);
	head = str_trim(head);
	if (!head.len || head.p[0] != '<')
		return 0;
	at = next_event(str_sub(head, 0, 4096), 0);
	return at == SIZE_MAX ? 0 : at == 0 ? 95 : 80;
}

static enum frame_result xml_frame(void *state, struct str buf, size_t *pos, bool eof,
				   struct str *ret_rec, const char **ret_why)
{
	size_t at = next_event(buf, *pos), end;
	const char *why = damage(str_sub(buf, *pos, at), &end);

	(void)state;
	if (why) {
		*ret_why = why;
		*pos += end;
		return FRAME_SKIP;
	}
	if (at == SIZE_MAX) {
		/* A tag may be cut; whatever else stands between events is passed over. */
		*pos = eof ? buf.len : MAX(*pos, buf.len - MIN(buf.len, (size_t)40));
		return eof ? FRAME_END : FRAME_MORE;
	}
	*pos = at;
	end = str_find(str_sub(buf, at, at + EVENT_MAX), STR("</Event>"));
	if (end != SIZE_MAX) {
		*ret_rec = str_n(buf.p + at, end + 8);
		*pos = at + end + 8;
		return FRAME_RECORD;
	}
	if (!eof && buf.len - at < EVENT_MAX)
		return FRAME_MORE;
	*pos = at + 6;
	*ret_why = buf.len - at < EVENT_MAX ? "record ends in the middle"
					    : "record larger than its format allows";
	return FRAME_SKIP;
}

static int xml_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		      const char **ret_why)
{
	struct field *f = arena_alloc(mem, XMLEVENT_FIELDS_MAX * sizeof(*f));
	size_t n = 0;
	int r;

	(void)state;
	if (!f)
		return -ENOMEM;
	r = xmlevent_fields(rec, mem, f, XMLEVENT_FIELDS_MAX, &n, ret_why);
	*ret_f = (struct fields){f, n};
	return r;
}

const struct codec_ops codec_xml = {
	.name = "xml",
	.summary = "Windows events as XML",
	.record_max = EVENT_MAX,
	.sniff = xml_sniff,
	.frame = xml_frame,
	.fields = xml_fields,
};
