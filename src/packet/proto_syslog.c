/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog over UDP: a record a message, as Zeek's. */
#include "packet/proto.h"

static enum sniff_result syslog_sniff(const struct sniff *s)
{
	size_t i = 1;

	if (s->data.len < 4 || s->data.p[0] != '<')
		return SNIFF_NO;
	while (i < s->data.len && i < 5 && s->data.p[i] >= '0' && s->data.p[i] <= '9')
		i++;
	return s->hinted && i > 1 && i < s->data.len && s->data.p[i] == '>' ? SNIFF_YES
									    : SNIFF_NO;
}

static int syslog_datagram(struct conn *c, enum dir d, struct str s)
{
	static const char *const facility[] = {"KERN",	 "USER",   "MAIL",     "DAEMON",
					       "AUTH",	 "SYSLOG", "LPR",      "NEWS",
					       "UUCP",	 "CRON",   "AUTHPRIV", "FTP",
					       "NTP",	 "AUDIT",  "ALERT",    "CLOCK",
					       "LOCAL0", "LOCAL1", "LOCAL2",   "LOCAL3",
					       "LOCAL4", "LOCAL5", "LOCAL6",   "LOCAL7"};
	static const char *const severity[] = {"EMERG",	  "ALERT",  "CRIT", "ERR",
					       "WARNING", "NOTICE", "INFO", "DEBUG"};
	size_t end = str_chr(s, '>', 0);
	struct rec *r;
	int64_t pri;

	(void)d;
	if (end == SIZE_MAX || !str_i64(str_sub(s, 1, end), &pri) || pri < 0 || pri > 191)
		return STREAM_FAIL;
	r = conn_rec(c, "syslog", c->ts);
	rec_z(r, "proto", "udp");
	rec_z(r, "facility", facility[pri / 8]);
	rec_z(r, "severity", severity[pri % 8]);
	rec_str(r, "message", str_trim(str_sub(s, end + 1, s.len)));
	rec_end(r);
	return 0;
}

const struct proto_ops proto_syslog = {
	.name = "syslog",
	.transports = PROTO_UDP,
	.ports = {514},
	.sniff = syslog_sniff,
	.datagram = syslog_datagram,
};
