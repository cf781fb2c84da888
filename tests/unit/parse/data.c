/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of sources/, over small records of every product: which type a record gets, its
 * times and id, and its attributes as text.
 */
#include "sample.h"

#define CONN                                                               \
	"\"uid\":\"Cabc\",\"id.orig_h\":\"10.1.2.3\",\"id.orig_p\":50000," \
	"\"id.resp_h\":\"192.0.2.7\",\"id.resp_p\":443"

TEST(zeek_json)
{
	static const struct sample s[] = {
		{"{\"ts\":1700000000.5," CONN ",\"proto\":\"tcp\",\"duration\":20.0,"
		 "\"orig_bytes\":12,\"resp_bytes\":34,\"conn_state\":\"SF\",\"local_orig\":"
		 "true}\n",
		 "zeek.conn",
		 "Cabc",
		 1700000000,
		 1700000020,
		 {{"src_endpoint.ip", "10.1.2.3"},
		  {"dst_endpoint.port", "443"},
		  {"traffic.bytes_out", "12"},
		  {"traffic.bytes_in", "34"},
		  {"connection_info.state", "SF"},
		  {"status", "success"},
		  {"id.orig_h", "10.1.2.3"}}},
		{"{\"ts\":1700000000," CONN ",\"proto\":\"udp\",\"trans_id\":7,\"rtt\":3.0,"
		 "\"query\":\"a.example\",\"qtype_name\":\"A\",\"rcode_name\":\"NOERROR\","
		 "\"answers\":[\"192.0.2.9\",\"192.0.2.10\"]}\n",
		 "zeek.dns",
		 "Cabc",
		 1700000000,
		 1700000003,
		 {{"query.hostname", "a.example"},
		  {"answers", "192.0.2.9"},
		  {"rcode", "NOERROR"}}},
		{"{\"ts\":1700000000," CONN
		 ",\"trans_depth\":1,\"method\":\"GET\",\"host\":\"h.example\","
		 "\"uri\":\"/x?y=1\",\"user_agent\":\"curl/8\",\"request_body_len\":0,"
		 "\"response_body_len\":9,\"status_code\":200}\n",
		 "zeek.http",
		 "Cabc",
		 1700000000,
		 1700000000,
		 {{"http_request.url.hostname", "h.example"},
		  {"cs-uri-stem", "/x"},
		  {"cs-uri-query", "y=1"},
		  {"http_response.code", "200"}}},
		{"{\"ts\":1700000000," CONN
		 ",\"version\":\"TLSv13\",\"server_name\":\"s.example\","
		 "\"resumed\":false,\"established\":true}\n",
		 "zeek.ssl",
		 "Cabc",
		 1700000000,
		 1700000000,
		 {{"tls.sni", "s.example"}, {"status", "success"}}},
		{"{\"ts\":1700000000," CONN ",\"username\":\"eve\",\"domainname\":\"D\","
		 "\"success\":false}\n",
		 "zeek.ntlm",
		 "Cabc",
		 1700000000,
		 1700000000,
		 {{"actor.user.name", "eve"}, {"status", "failure"}}},
		{"{\"ts\":1700000000,\"fuid\":\"Fabc\"," CONN
		 ",\"source\":\"HTTP\",\"duration\":2.0,"
		 "\"filename\":\"a/b.bin\",\"seen_bytes\":5}\n",
		 "zeek.files",
		 "Fabc",
		 1700000000,
		 1700000002,
		 {{"file.name", "b.bin"}, {"connection_info.uid", "Cabc"}}},
		{"{\"ts\":1700000000,\"uids\":[\"Cdhcp\"],\"mac\":\"00:11:22:33:44:55\","
		 "\"host_name\":\"PC1\",\"assigned_addr\":\"10.1.2.3\",\"lease_time\":3600.0}"
		 "\n",
		 "zeek.dhcp",
		 "Cdhcp",
		 1700000000,
		 1700000000,
		 {{"device.hostname", "PC1"}, {"device.ip", "10.1.2.3"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

/*
 * A record that says of which log it is needs none of the fields by which others are told
 * apart; one of a log that nobody knows is a connection's all the same.
 */
TEST(zeek_named)
{
	static const struct sample s[] = {
		{"{\"_path\":\"ssh\",\"ts\":1700000000," CONN
		 ",\"version\":2,\"server\":\"SSH-2.0-x\"}\n",
		 "zeek.ssh",
		 "Cabc",
		 1700000000,
		 1700000000,
		 {{"ssh.server", "SSH-2.0-x"}}},
		{"{\"_path\":\"rdp\",\"ts\":1700000000," CONN ",\"cookie\":\"eve\"}\n",
		 "zeek.rdp",
		 "Cabc",
		 1700000000,
		 1700000000,
		 {{"actor.user.name", "eve"}}},
		{"{\"_path\":\"gopher\",\"ts\":1700000000," CONN ",\"version\":2}\n",
		 "zeek.other",
		 "Cabc",
		 1700000000,
		 1700000000,
		 {{"src_endpoint.ip", "10.1.2.3"}}},
		{"{\"_path\":\"dhcp\",\"ts\":1700000000,\"uids\":[\"Cdhcp\"],"
		 "\"mac\":\"00:11:22:33:44:55\",\"msg_types\":[\"DISCOVER\"]}\n",
		 "zeek.dhcp_request",
		 "Cdhcp",
		 1700000000,
		 1700000000,
		 {{"device.mac", "00:11:22:33:44:55"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

TEST(zeek_tsv)
{
	static const struct sample s[] = {
		{"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
		 "#path\tweird\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_"
		 "p\tname\t"
		 "addl\tnotice\tpeer\n#"
		 "types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\t"
		 "bool\tstring\n1700000000.25\tCw\t10.1.2.3\t1\t10.1.2.4\t2\tbad_thing\t-"
		 "\tF\tzeek\n",
		 "zeek.weird",
		 "Cw",
		 1700000000,
		 1700000000,
		 {{"activity_name", "bad_thing"},
		  {"weird.detail", NULL},
		  {"dst_endpoint.port", "2"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

TEST(cloud)
{
	static const struct sample s[] = {
		{"{\"Records\":[{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":"
		 "\"IAMUser\","
		 "\"arn\":\"arn:aws:iam::1:user/"
		 "eve\",\"userName\":\"eve\",\"accessKeyId\":\"AKIAX\"},"
		 "\"eventTime\":\"2023-11-14T22:13:20Z\",\"eventSource\":\"s3.amazonaws.com\","
		 "\"eventName\":\"GetBucketAcl\",\"awsRegion\":\"eu-central-1\","
		 "\"sourceIPAddress\":"
		 "\"192.0.2.1\",\"errorCode\":\"AccessDenied\",\"requestParameters\":{"
		 "\"bucketName\":"
		 "\"b\"},\"eventID\":\"e-1\",\"eventType\":\"AwsApiCall\"}]}",
		 "aws.cloudtrail.event",
		 "e-1",
		 1700000000,
		 1700000000,
		 {{"actor.user.uid", "arn:aws:iam::1:user/eve"},
		  {"api.operation", "GetBucketAcl"},
		  {"status", "failure"},
		  {"resource.name", "b"},
		  {"userIdentity.userName", "eve"}}},
		{"version account-id interface-id srcaddr dstaddr srcport dstport protocol "
		 "packets "
		 "bytes start end action log-status\n2 1 eni-1 10.0.0.1 192.0.2.1 5 443 6 4 "
		 "4286 "
		 "1700000000 1700000060 REJECT OK\n",
		 "aws.vpcflow.flow",
		 NULL,
		 1700000000,
		 1700000060,
		 {{"connection_info.protocol_name", "tcp"},
		  {"status", "failure"},
		  {"traffic.bytes_out", "4286"}}},
		{"{\"id\":\"s-1\",\"createdDateTime\":\"2023-11-14T22:13:20Z\","
		 "\"userPrincipalName\":"
		 "\"eve@example.org\",\"appId\":\"a\",\"ipAddress\":\"192.0.2.1\",\"status\":"
		 "{\"errorCode\":50126},\"authenticationDetails\":[{\"authenticationMethod\":"
		 "\"Password\"}]}\n",
		 "entra.signin",
		 "s-1",
		 1700000000,
		 1700000000,
		 {{"actor.user.name", "eve@example.org"},
		  {"status", "failure"},
		  {"auth.methods", "Password"}}},
		{"{\"CreationTime\":\"2023-11-14T22:13:20\",\"Id\":\"m-1\",\"Operation\":"
		 "\"New-InboxRule\",\"ResultStatus\":\"True\",\"Workload\":\"Exchange\","
		 "\"ClientIP\":"
		 "\"192.0.2.1:4444\",\"UserId\":\"eve@example.org\",\"Parameters\":[{\"Name\":"
		 "\"Name\","
		 "\"Value\":\"..\"},{\"Name\":\"DeleteMessage\",\"Value\":\"True\"}]}\n",
		 "m365.inbox_rule",
		 "m-1",
		 1700000000,
		 1700000000,
		 {{"src_endpoint.ip", "192.0.2.1"},
		  {"m365.rule.name", ".."},
		  {"m365.rule.delete", "True"},
		  {"status", "success"}}},
		{",SystemAlertId,AlertName,Severity,ProviderName,TimeGenerated,EndTimeUt"
		 "c,CompromisedEntity,Description\n0,s1,Odd log-in,Low,MCAS,2023-11-14 22"
		 ":13:30,2023-11-14 22:13:20,host1,\"a, b\nc\"\n",
		 "defender.security_alert",
		 "s1",
		 1700000000,
		 1700000010,
		 {{"finding.title", "Odd log-in"},
		  {"finding.severity", "Low"},
		  {"device.hostname", "host1"},
		  {"finding.text", "a, b\nc"}}},
		{"{\"id\":\"d-1\",\"title\":\"t\",\"severity\":\"high\",\"status\":\"new\","
		 "\"serviceSource\":\"x\",\"createdDateTime\":\"2023-11-14T22:13:50Z\","
		 "\"lastActivityDateTime\":\"2023-11-14T22:13:20Z\",\"evidence\":[{"
		 "\"hostName\":"
		 "\"pc1\"}]}\n",
		 "defender.alert",
		 "d-1",
		 1700000000,
		 1700000030,
		 {{"device.hostname", "pc1"}, {"finding.severity", "high"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

TEST(hosts)
{
	static const struct sample s[] = {
		{"{\"process_exec\":{\"process\":{\"exec_id\":\"ZQ==\",\"pid\":7,\"uid\":0,"
		 "\"binary\":"
		 "\"/bin/sh\",\"arguments\":\"-c "
		 "id\"},\"parent\":{\"exec_id\":\"ZA==\",\"binary\":"
		 "\"/usr/bin/"
		 "node\"}},\"node_name\":\"n1\",\"time\":\"2023-11-14T22:13:20Z\"}\n",
		 "tetragon.exec",
		 "ZQ==",
		 1700000000,
		 1700000000,
		 {{"process.file.path", "/bin/sh"},
		  {"process.cmd_line", "/bin/sh -c id"},
		  {"ParentCommandLine", "/usr/bin/node"},
		  {"ParentImage", "/usr/bin/node"},
		  {"device.hostname", "n1"},
		  {"User", "root"}}},
		{"{\"process_kprobe\":{\"process\":{\"exec_id\":\"ZQ==\",\"binary\":\"/x\"},"
		 "\"function_name\":\"tcp_connect\",\"args\":[{\"sock_arg\":{\"daddr\":\"192.0."
		 "2.1\","
		 "\"dport\":443,\"protocol\":\"IPPROTO_TCP\"}}]},\"node_name\":\"n1\","
		 "\"time\":\"2023-11-14T22:13:20Z\"}\n",
		 "tetragon.connect",
		 "ZQ==",
		 1700000000,
		 1700000000,
		 {{"dst_endpoint.ip", "192.0.2.1"},
		  {"dst_endpoint.port", "443"},
		  {"connection_info.protocol_name", "tcp"}}},
		{"{\"hostname\":\"n1\",\"output\":\"o\",\"priority\":\"Critical\",\"rule\":"
		 "\"r\","
		 "\"source\":\"syscall\",\"time\":\"2023-11-14T22:13:20Z\",\"output_fields\":"
		 "{\"proc.cmdline\":\"sh -c "
		 "id\",\"proc.name\":\"sh\",\"container.id\":\"host\"}}\n",
		 "falco.alert",
		 NULL,
		 1700000000,
		 1700000000,
		 {{"process.cmd_line", "sh -c id"},
		  {"finding.severity", "critical"},
		  {"container.uid", NULL}}},
		{"type=SYSCALL msg=audit(1700000000.123:42): arch=c000003e syscall=59 "
		 "success=yes "
		 "exit=0 ppid=1 pid=7 auid=1000 uid=0 comm=\"id\" exe=\"/usr/bin/id\" "
		 "key=\"exec\"\n"
		 "type=EXECVE msg=audit(1700000000.123:42): argc=2 a0=\"id\" a1=\"-u\"\n",
		 "auditd.exec",
		 "1700000000.123:42",
		 1700000000,
		 1700000000,
		 {{"process.cmd_line", "id -u"},
		  {"process.file.path", "/usr/bin/id"},
		  {"status", "success"}}},
		{"type=USER_LOGIN msg=audit(1700000000.123:43): pid=7 uid=0 auid=1000 ses=5 "
		 "msg='op="
		 "login acct=\"eve\" exe=\"/usr/sbin/sshd\" hostname=10.1.2.3 addr=10.1.2.3 "
		 "terminal=ssh res=failed'\n",
		 "auditd.login",
		 "1700000000.123:43",
		 1700000000,
		 1700000000,
		 {{"actor.user.name", "eve"},
		  {"src_endpoint.ip", "10.1.2.3"},
		  {"status", "failure"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

/* What other programs made of the records of others. */
TEST(second_hand)
{
	static const struct sample s[] = {
		{"{\"ID\":\"1700000000.123:44\",\"NODE\":\"n1\",\"SYSCALL\":{\"syscall\":59,"
		 "\"success"
		 "\":\"yes\",\"pid\":7,\"ppid\":1,\"uid\":0,\"comm\":\"id\",\"exe\":\"/usr/bin/"
		 "id\",\"key\""
		 ":null},\"EXECVE\":{\"argc\":2,\"ARGV\":[\"id\",\"-u\"]},\"PARENT_INFO\":{"
		 "\"ARGV\":[\""
		 "sh\",\"-c\",\"id -u\"],\"exe\":\"/bin/sh\"}}\n",
		 "laurel.exec",
		 "1700000000.123:44",
		 1700000000,
		 1700000000,
		 {{"process.cmd_line", "id -u"},
		  {"process.file.path", "/usr/bin/id"},
		  {"ParentImage", "/bin/sh"},
		  {"device.hostname", "n1"},
		  {"User", "root"}}},
		{"{\"class_uid\":4001,\"time\":1700000000500,\"metadata\":{\"version\":\"1.1."
		 "0\",\""
		 "product\":{\"name\":\"x\"},\"uid\":\"u1\"},\"activity_name\":\"Close\",\"src_"
		 "endpoin"
		 "t\":{\"ip\":\"10.0.0.1\",\"port\":5},\"dst_endpoint\":{\"ip\":\"192.0.2.1\","
		 "\"port\":"
		 "443},\"connection_info\":{\"protocol_num\":6},\"traffic\":{\"bytes_out\":7,"
		 "\"by"
		 "tes_in\":9},\"duration\":1500,\"status\":\"Failure\"}\n",
		 "ocsf.network",
		 "u1",
		 1700000000,
		 1700000000,
		 {{"dst_endpoint.ip", "192.0.2.1"},
		  {"connection_info.protocol_name", "tcp"},
		  {"duration_s", "1.5"},
		  {"traffic.bytes_in", "9"},
		  {"status", "failure"}}},
		{"{\"class_uid\":6003,\"time\":1700000000500,\"metadata\":{\"product\":{"
		 "\"name\":\""
		 "CloudTrail\"}},\"api\":{\"operation\":\"ListBuckets\",\"service\":{\"name\":"
		 "\"s3.a"
		 "mazonaws.com\"}},\"actor\":{\"user\":{\"name\":\"eve\"}},\"resources\":[{"
		 "\"uid\":\"r"
		 "1\"},{\"uid\":\"r2\"}]}\n",
		 "ocsf.api",
		 NULL,
		 1700000000,
		 1700000000,
		 {{"api.operation", "ListBuckets"},
		  {"actor.user.name", "eve"},
		  {"resource.name", "r1"}}}};

	check_samples(s, sizeof(s) / sizeof(s[0]));
}

/* The same Windows event as shippers nest it, flat, and as XML; and other newer sources. */
TEST(windows_and_others)
{
	static const struct sample s[] = {
		{"{\"@timestamp\":\"2023-11-14T22:13:21Z\",\"winlog\":{\"event_id\":1,"
		 "\"channel\":\"Microsoft-Windows-Sysmon/Operational\",\"record_id\":77,"
		 "\"computer_name\":\"pc1\",\"event_data\":{\"UtcTime\":\"2023-11-14 "
		 "22:13:20.125\",\"Image\":\"C:\\\\a.exe\",\"CommandLine\":\"a /b\"}}}\n",
		 "windows.sysmon_process",
		 "77",
		 1700000000,
		 1700000001,
		 {{"process.file.path", "C:\\a.exe"},
		  {"CommandLine", "a /b"},
		  {"EventID", "1"},
		  {"device.hostname", "pc1"}}},
		{"{\"@timestamp\":\"2023-11-14T22:13:20Z\",\"Hostname\":\"pc1\",\"EventID\":"
		 "4625,"
		 "\"Channel\":\"Security\",\"TargetUserName\":\"eve\",\"LogonType\":\"3\","
		 "\"IpAddress\":\"::ffff:10.1.2.3\",\"RecordNumber\":9}\n",
		 "windows.logon",
		 "9",
		 1700000000,
		 1700000000,
		 {{"src_endpoint.ip", "10.1.2.3"}, {"status", "failure"}}},
		{"<Events><Event xmlns='x'><System><Provider Name='p'/><EventID>4688</EventID>"
		 "<TimeCreated SystemTime='2023-11-14T22:13:20.1Z'/><EventRecordID>42"
		 "</EventRecordID><Channel>Security</Channel><Computer>pc1</Computer></System>"
		 "<EventData><Data Name='NewProcessName'>C:\\w.exe</Data><Data "
		 "Name='CommandLine'>"
		 "w &quot;a &amp; b&quot; &#x26; &no;</Data></EventData></Event></Events>\n",
		 "windows.process",
		 "42",
		 1700000000,
		 1700000000,
		 {{"Image", "C:\\w.exe"}, {"process.cmd_line", "w \"a & b\" & &no;"}}},
		{"2023-11-14T23:13:20+01:00 web1 sshd[8]: Failed password for invalid user x "
		 "from "
		 "9.9.9.9 from 192.0.2.7 port 5 ssh2\n",
		 "syslog.login",
		 NULL,
		 1700000000,
		 1700000000,
		 {{"actor.user.name", "x from 9.9.9.9"},
		  {"src_endpoint.ip", "192.0.2.7"},
		  {"status", "failure"}}},
		{"{\"timestamp\":\"2023-11-14T23:13:30.0+0100\",\"flow_id\":7,\"event_type\":"
		 "\"flow\",\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"192.0.2.1\",\"dest_port\":443,"
		 "\"proto\":\"TCP\",\"flow\":{\"start\":\"2023-11-14T22:13:20Z\",\"bytes_"
		 "toserver\":"
		 "9,\"state\":\"new\"}}\n",
		 "suricata.flow",
		 "7",
		 1700000000,
		 1700000010,
		 {{"connection_info.state", "S0"}, {"traffic.bytes_out", "9"}}},
		{"{\"records\":[{\"properties\":{\"flows\":[{\"flows\":[{\"flowTuples\":["
		 "\"1700000000,10.0.0.4,192.0.2.1,44931,443,T,O,A,E,1,66,2,132\"]}]}]}}]}\n",
		 "azure.flow.nsg",
		 NULL,
		 1700000000,
		 1700000000,
		 {{"dst_endpoint.ip", "192.0.2.1"},
		  {"connection_info.protocol_name", "tcp"},
		  {"traffic.bytes_in", "132"}}},
	};

	check_samples(s, ARRAY_LEN(s));
}

TAP_MAIN
