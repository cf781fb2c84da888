/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of learning: in the store beside the findings, and by the daemon. */
#include "base/timeutil.h"
#include "main/pipeline.h"

void pipeline_learning(const struct pipeline *p, struct buf *b)
{
	struct learn_stats s;
	char when[TIME_TEXT];

	learn_stats(p->learn, &s);
	buf_fmt(b, "{\"learning\":%s,\"since\":\"%s\",\"quantities\":%zu,",
		s.learning ? "true" : "false",
		s.since ? time_rfc3339(s.since / NS_PER_S * NS_PER_S, when) : "", s.quantities);
	buf_fmt(b, "\"states\":%zu,\"bytes\":%zu,\"evicted\":%zu,", s.states, s.bytes,
		s.evictions);
	buf_fmt(b, "\"asked_per_day\":%.3g,\"given_per_day\":%.3g,", s.asked_per_day,
		s.realised_per_day);
	buf_fmt(b, "\"compliance_asked_per_day\":%.3g,\"compliance_given_per_day\":%.3g,",
		s.compliance_asked, s.compliance_realised);
	buf_addz(b, "\"judged\":[");
	for (size_t i = 0; i < LEARN_NATS; i++)
		buf_fmt(b, "%s%llu", i ? "," : "", (unsigned long long)s.judged[i]);
	buf_addz(b, "]}");
}

int pipeline_keep_learning(struct pipeline *p)
{
	struct buf b;
	int r;

	buf_init(&b, MIB);
	pipeline_learning(p, &b);
	r = buf_err(&b);
	if (r == 0)
		r = store_meta_put(p->store, LEARNING_META, buf_str(&b), &p->diag);
	buf_free(&b);
	return r;
}
