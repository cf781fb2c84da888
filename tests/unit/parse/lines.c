/* SPDX-License-Identifier: Apache-2.0 */
/* Sources whose records are lines of text: what `texts:` takes out of them. */
#include "sample.h"

TEST(web)
{
	static const struct sample s[] = {
		{"10.0.0.1 - bob [10/Oct/2026:13:55:36 +0200] \"GET /a?x=\\\" 404 1 \\\"b "
		 "HTTP/1.1\" 200 2326 \"http://e.org/\" \"Mo (\\\"x\\\") y\"\n",
		 "web.access.request",
		 NULL,
		 1791633336,
		 1791633336,
		 {{"src_endpoint.ip", "10.0.0.1"},
		  {"actor.user.name", "bob"},
		  {"http_request.url.path", "GET /a?x=\\\" 404 1 \\\"b HTTP/1.1"},
		  {"http_response.code", "200"},
		  {"traffic.bytes_in", "2326"},
		  {"http_request.user_agent", "Mo (\\\"x\\\") y"}}},
		{"::1 - - [10/Oct/2026:13:55:37 +0000] \"\\x16\\x03\" 400 -\n",
		 "web.access.request",
		 NULL,
		 1791640537,
		 1791640537,
		 {{"http_request.url.path", "\\x16\\x03"},
		  {"actor.user.name", NULL},
		  {"traffic.bytes_in", NULL}}},
		{"web:80 10.0.0.2 - - [10/Oct/2026:13:55:38 +0000] \"GET / HTTP/1.1\" 200 5 "
		 "\"-\" \"curl/7\"\n",
		 "web.access.request",
		 NULL,
		 1791640538,
		 1791640538,
		 {{"src_endpoint.ip", "10.0.0.2"},
		  {"http_request.url.hostname", "web"},
		  {"http_request.referrer", NULL}}},
		{"1286536309.586    921 192.0.2.68 TCP_MISS/200 507 POST "
		 "http://r.example.org/x - DIRECT/198.51.100.20 text/html\n",
		 "squid.request",
		 NULL,
		 1286536309,
		 1286536309,
		 {{"duration", "921"},
		  {"http_request.url.hostname", "r.example.org"},
		  {"dst_endpoint.ip", "198.51.100.20"},
		  {"actor.user.name", NULL}}},
		{"#Fields: date time s-ip cs-method cs-uri-stem c-ip cs(User-Agent) "
		 "sc-status\n2026-10-10 10:00:00 10.0.0.1 GET /x 10.0.0.9 M/5+(x) 200\n",
		 "w3c.iis",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"src_endpoint.ip", "10.0.0.9"},
		  {"http_request.user_agent", "M/5+(x)"},
		  {"http_response.code", "200"}}},
		{"https 2018-07-02T22:23:00.186641Z app/my-lb/50dc 192.0.2.39:2817 10.0.0.1:80 "
		 "0.086 0.048 0.037 200 200 0 57 \"GET https://www.example.com:443/a "
		 "HTTP/1.1\" \"curl/7\" ECDHE TLSv1.2 arn:x \"Root=1\" \"www.example.com\" "
		 "\"arn:x\" 1\n",
		 "aws.elb.request",
		 NULL,
		 1530570180,
		 1530570180,
		 {{"src_endpoint.port", "2817"},
		  {"dst_endpoint.hostname", "www.example.com"},
		  {"tls.version", "TLSv1.2"}}},
		{"79a5 B [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a5 3E57 REST.GET.OBJECT "
		 "a%20b \"GET /B/a HTTP/1.1\" 403 AccessDenied 113 - 7 - \"-\" \"S3\" - s9= "
		 "SigV4 E AuthHeader h TLSv1.2\n",
		 "aws.s3access.request",
		 "3E57",
		 1549411238,
		 1549411238,
		 {{"status", "failure"},
		  {"status_detail", "AccessDenied"},
		  {"file.path", "a%20b"},
		  {"src_endpoint.ip", "192.0.2.3"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

TEST(firewall)
{
	static const struct sample s[] = {
		{"CEF:0|Acme|Wall|1.0|100|deny\\|drop|5|src=10.0.0.1 dst=192.0.2.5 spt=1232 "
		 "dpt=443 proto=TCP act=deny msg=a b \\= c rt=1700000000000\n",
		 "cef.connection",
		 NULL,
		 1700000000,
		 1700000000,
		 {{"activity_name", "deny|drop"},
		  {"status", "failure"},
		  {"status_detail", "a b = c"},
		  {"dst_endpoint.port", "443"}}},
		{"Oct 10 10:00:00 h CEF:0|Acme|IdP|1.0|7|login|3|rt=Oct 10 2026 10:00:00 "
		 "suser=bob outcome=failure\n",
		 "cef.event",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"device.hostname", "h"}, {"actor.user.name", "bob"}, {"status", "failure"}}},
		{"<13>LEEF:2.0|Acme|Wall|1|deny|x5E|src=10.0.0.1^dst=192.0.2.5^dstPort=22^"
		 "devTime=Oct 10 2026 10:00:00\n",
		 "leef.connection",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"dst_endpoint.port", "22"}, {"src_endpoint.ip", "10.0.0.1"}}},
		{"<189>date=2019-05-13 time=11:45:04 devname=\"fw a\" devid=\"F\" logid=\"1\" "
		 "type=\"traffic\" eventtime=1557773104815101919 srcip=10.1.1.1 "
		 "dstip=192.0.2.1 dstport=443 proto=6 action=\"deny\"\n",
		 "fortigate.traffic",
		 NULL,
		 1557773104,
		 1557773104,
		 {{"device.hostname", "fw a"},
		  {"connection_info.protocol_name", "tcp"},
		  {"status", "failure"}}},
		{"date=2019-05-13 time=11:45:04 devname=a devid=\"F\" logid=\"1\" "
		 "type=\"event\" subtype=\"system\" action=\"login\" status=\"failed\" "
		 "user=\"admin\" srcip=10.1.1.1\n",
		 "fortigate.login",
		 NULL,
		 1557747904,
		 1557747904,
		 {{"actor.user.name", "admin"}, {"status", "failure"}}},
		{"1,2019/06/15 04:05:06,9,TRAFFIC,end,2304,2019/06/15 "
		 "04:05:06,10.0.0.5,198.51.100.7,0.0.0.0,0.0.0.0,r,\"corp\\bob\",,ssl,v,t,u,e1,"
		 "e2,f,x,12,1,50000,443,0,0,0x1c,tcp,allow,700,300,400,7\n",
		 "paloalto.traffic",
		 NULL,
		 1560571506,
		 1560571506,
		 {{"actor.user.name", "corp\\bob"},
		  {"traffic.bytes_in", "400"},
		  {"src_endpoint.port", "50000"}}},
		{"2026-10-10T10:00:00Z pf filterlog[9]: "
		 "5,,,100,igb0,match,block,in,4,0x0,,64,0,0,DF,6,tcp,60,203.0.113.4,10.0.0.1,"
		 "44321,22,0,S\n",
		 "filterlog.v4",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"dst_endpoint.port", "22"}, {"status", "failure"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

TEST(host)
{
	static const struct sample s[] = {
		{"2026-10-10T10:00:00Z w sshd[1]: Accepted publickey for a from b from "
		 "192.0.2.4 port 50 ssh2\n",
		 "syslog.login",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"actor.user.name", "a from b"},
		  {"src_endpoint.ip", "192.0.2.4"},
		  {"status", "success"}}},
		{"2026-10-10T10:00:00Z w usermod[1]: add 'bob' to group 'sudo'\n",
		 "syslog.account",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"user.name", "bob"},
		  {"resource.name", "sudo"},
		  {"activity_name", "group_member_added"}}},
		{"2026-10-10T10:00:00Z w kernel: [1.4] UFW BLOCK IN=eth0 OUT= MAC=aa "
		 "SRC=203.0.113.9 DST=10.0.0.5 LEN=40 PROTO=TCP SPT=4444 DPT=22 SYN URGP=0\n",
		 "syslog.packet",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"src_endpoint.ip", "203.0.113.9"},
		  {"dst_endpoint.port", "22"},
		  {"interface.out", NULL}}},
		{"2026-10-10T10:00:00Z w dnsmasq[9]: query[A] www.example.org from 10.0.0.7\n",
		 "syslog.dns",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"query.hostname", "www.example.org"}, {"src_endpoint.ip", "10.0.0.7"}}},
		{"2026-10-10T10:00:00Z w named[7]: client @0x7f 10.0.0.8#5353 (example.org): "
		 "query: example.org IN AAAA +E(0)K (10.0.0.1)\n",
		 "syslog.dns",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"query.type", "AAAA"}, {"src_endpoint.ip", "10.0.0.8"}}},
		{"2026-10-10T10:00:00Z w sudo: bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; "
		 "USER=root ; COMMAND=/bin/sh\n",
		 "syslog.session",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"status", "failure"},
		  {"actor.user.name", "bob"},
		  {"process.cmd_line", "/bin/sh"}}},
		{"2026-10-10T10:00:00Z w odd: one thing\n",
		 "syslog.text",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"activity_name", "odd"}, {"status_detail", "one thing"}}},
		{"{\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1700000000123456\",\"_"
		 "HOSTNAME\":\"w\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"MESSAGE\":\"Failed "
		 "password for invalid user x from 203.0.113.9 port 4242 ssh2\"}\n",
		 "journald.login",
		 "s=1",
		 1700000000,
		 1700000000,
		 {{"actor.user.name", "x"}, {"status", "failure"}, {"device.hostname", "w"}}},
		{"{\"eventid\":\"cowrie.login.failed\",\"src_ip\":\"203.0.113.9\",\"session\":"
		 "\"a1\",\"username\":\"root\",\"sensor\":\"pot\",\"message\":\"m\","
		 "\"timestamp\":\"2026-10-10T10:00:00.5Z\"}\n",
		 "cowrie.login",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"status", "failure"}, {"actor.user.name", "root"}}},
		{"{\"query_timestamp\":\"2026-10-10T10:00:00Z\",\"query_name\":\"a.example.\","
		 "\"query_type\":\"A\",\"rcode\":\"NOERROR\",\"answers\":[{\"Rdata\":\"192.0.2."
		 "1\"}],\"srcaddr\":\"10.0.0.3\"}\n",
		 "aws.resolver.query",
		 NULL,
		 1791626400,
		 1791626400,
		 {{"query.hostname", "a.example."}, {"answers", "192.0.2.1"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

/* A line that only the source of last resort knows stands among others'. */
TEST(last_resort)
{
	static const struct sample s[] = {
		{"2026-10-10T10:00:00Z w odd: x\n2026-10-10T10:00:01Z w CEF:0|A|B|1|2|n|3|"
		 "src=10.0.0.1\n",
		 "cef.event",
		 NULL,
		 1791626401,
		 1791626401,
		 {{"src_endpoint.ip", "10.0.0.1"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

TAP_MAIN
