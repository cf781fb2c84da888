/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols of plants: DNP3, IEC 104, EtherNet/IP, BACnet, OPC UA, MQTT, CoAP, MMS, PROFINET,
 * GOOSE. The identity of a controller is from CL5000EIP-Software_Upload.pcap of
 * digitalbond/Quickdraw-Suricata (MIT), OPC UA's browsing from open62541_browse_next.pcap of
 * cisagov/icsnpp-opcua-binary, the PROFINET station from profinet_io_cm_mixed_1.pcap of
 * cisagov/icsnpp-profinet-io-cm (both BSD-3-Clause); all else was made by the standards.
 */
#include "ot_talk.h"

/* Frames of an EtherType, the last octet of whose source is `from`. */
static void frame(struct sensor *s, int64_t ms, unsigned type, unsigned from, const char *hex)
{
	struct wire w = {.n = 0};

	wbytes(&w, "\1\x0c\xcd\1\0\0\2\0\0\0\0", 11);
	w8(&w, from);
	w16(&w, type);
	w.n += unhex(hex, w.p + w.n, sizeof(w.p) - w.n);
	give(s, ms, &w);
}

TEST(dnp3_commands)
{
	char *t = TCP(
		20000,
		{0, "05641ac40a0001008a1cc0c1050c01280100030041016400000039310000000000ffff"},
		{1,
		 "05641c4401000a007636c0c18100000c012801000300410164001d4500000000000000ffff"},
		{0, "05640ec40a0001002529c0c2013c02063c03061f2e"},
		{1, "05640a4401000a006e25c0c28180001a3b"},
		{0, "056408c40a000100fc42c0c30d3736"},
		{1, "05640a4401000a006e25c0c381000183d4"},
		{1, "05640f4401000a00e7ddc0f182000002012801001b5c"});

	HAS(t,
	    "\"fc_request\":\"DIRECT_OPERATE\",\"fc_reply\":\"RESPONSE\",\"iin\":0,\"access\":"
	    "\"write\",\"link_from\":1,\"link_to\":10,\"objects\":[\"g12v1 3 CLOSE\"]}");
	HAS(t, "\"fc_request\":\"READ\",\"fc_reply\":\"RESPONSE\",\"iin\":32768,\"access\":"
	       "\"read\",\"link_from\":1,\"link_to\":10,\"objects\":[\"g60v2\",\"g60v3\"]}");
	HAS(t,
	    "\"fc_request\":\"COLD_RESTART\",\"fc_reply\":\"RESPONSE\",\"iin\":1,\"access\":"
	    "\"control\",\"link_from\":1,\"link_to\":10,\"error\":\"NO_FUNC_CODE_SUPPORT\"}");
	HAS(t, "\"fc_reply\":\"UNSOLICITED_RESPONSE\"");
	HAS(t, "\"service\":\"dnp3\"");
}

TEST(dnp3_damaged)
{
	char *t = TCP(4444, {0, "056408c40a000100fd42c0c10dd22d"});

	HASNT(t, "dnp3");
}

TEST(iec104_commands)
{
	char *t = TCP(2404, {0, "680407000000"}, {1, "68040b000000"},
		      {0, "680e0000000064010600ffff00000014"},
		      {1, "680e0000000064010700010000000014"},
		      {1, "680e0200000001011400010064000001"},
		      {0, "680e020000002d0106000100d1070001"},
		      {1, "680e040000002d0107000100d1070001"},
		      {1, "680e060000002d010a000100d1070001"},
		      {0, "681204000000320106000100b80b000000264200"},
		      {1, "681208000000320147000100b80b000000264200"},
		      {0, "680e0600000069010600010000000001"});

	HAS(t, "\"asdu_type\":\"C_IC_NA_1\",\"cause\":\"activation\",\"access\":\"read\","
	       "\"common_address\":65535,\"ioa\":0,\"reply\":\"activation confirmation\"}");
	HAS(t, "\"asdu_type\":\"M_SP_NA_1\",\"cause\":\"interrogated by "
	       "station\",\"access\":\"notify\",\"common_address\":1,\"ioa\":100}");
	HAS(t, "\"asdu_type\":\"C_SC_NA_1\",\"cause\":\"activation\",\"access\":\"write\","
	       "\"common_address\":1,\"ioa\":2001,\"value\":\"1\",\"select\":false,\"reply\":"
	       "\"activation confirmation\"}");
	HAS(t, "\"asdu_type\":\"C_SE_NC_1\",\"cause\":\"activation\",\"access\":\"write\","
	       "\"common_address\":1,\"ioa\":3000,\"value\":\"41.5\",\"select\":false,"
	       "\"reply\":\"activation confirmation\",\"error\":\"negative\"}");
	HAS(t, "\"asdu_type\":\"C_RP_NA_1\",\"cause\":\"activation\",\"access\":\"control\","
	       "\"common_address\":1,\"ioa\":0,\"answered\":false}");
}

TEST(iec104_elsewhere)
{
	char *t = TCP(7777, {0, "680407000000"}, {1, "68040b000000"},
		      {0, "680e000000002d010600010005000001"},
		      {1, "680e000000002d010700010005000001"});

	HAS(t, "\"asdu_type\":\"C_SC_NA_1\"");
	HAS(t, "\"service\":\"iec104\"");
}

TEST(iec104_no)
{
	char *t = TCP(7777, {0, "68656c6c6f2c20776f726c64"}, {1, "6869"});

	HASNT(t, "iec104");
}

TEST(enip_identity)
{
	char *t = TCP(
		44818,
		{0,
		 "6f002400000102110000000022a902002008e10000000000000000002000020000000000b200"
		 "140052022006240107f9060001022001240101000100"},
		{1,
		 "6f003700000102110000000022a902002008e10000000000000000002000020000000000b200"
		 "27008100000001000e003600101460303f82510014313735362d4c36312f42204c4f47495835"
		 "353631"});

	HAS(t, "\"cip_service_code\":\"0x01\",\"cip_service\":\"Get Attributes "
	       "All\",\"access\":\"identify\",\"cip_status_code\":\"0x00\",\"cip_status\":"
	       "\"Success\",\"class_id\":\"0x01\",\"class_name\":\"Identity\",\"instance_id\":"
	       "\"0x01\"}");
	HAS(t, "\"_path\":\"cip_identity\"");
	HAS(t,
	    "\"vendor_name\":\"Rockwell "
	    "Automation/"
	    "Allen-Bradley\",\"device_type_id\":14,\"device_type_name\":\"Programmable Logic "
	    "Controller\",\"product_code\":54,\"revision\":\"16.20\",\"serial_number\":"
	    "\"0x0051823f\",\"product_name\":\"1756-L61/B LOGIX5561\"}");
	HAS(t, "\"host\":\"10.0.0.2\",\"protocol\":\"cip\",\"vendor\":\"Rockwell "
	       "Automation/Allen-Bradley\",\"product\":\"1756-L61/B "
	       "LOGIX5561\",\"device_type\":\"Programmable Logic "
	       "Controller\",\"firmware\":\"16.20\"");
}

TEST(enip_services)
{
	char *t = TCP(
		44818,
		{0,
		 "6f0016000100000000000000010000000000000000000000000000000000020000000000b200"
		 "0600070220642401"},
		{1,
		 "6f0014000100000000000000010000000000000000000000000000000000020000000000b200"
		 "040087000f00"},
		{0,
		 "6f002e000100000000000000020000000000000000000000000000000000020000000000b200"
		 "1e000a02200224010200060012004d039103546e6b00c40001000102208b2401"},
		{1,
		 "6f0022000100000000000000020000000000000000000000000000000000020000000000b200"
		 "12008a000000020006000a00cd00000081000800"},
		{0,
		 "6f001a000100000000000000030000000000000000000000000000000000020000000000b200"
		 "0a004d0220a1240101020304"},
		{1,
		 "6f0014000100000000000000030000000000000000000000000000000000020000000000b200"
		 "0400cd000000"},
		{0,
		 "6f0018000100000000000000040000000000000000000000000000000000020000000000b200"
		 "08000402208b24010100"},
		{1,
		 "6f0014000100000000000000040000000000000000000000000000000000020000000000b200"
		 "040084000000"});

	HAS(t, "\"cip_service\":\"Stop\",\"access\":\"control\",\"cip_status_code\":\"0x0f\","
	       "\"cip_status\":\"Privilege "
	       "Violation\",\"class_id\":\"0x64\",\"class_name\":\"Program Name\"");
	HAS(t, "\"cip_service\":\"Write "
	       "Data\",\"access\":\"write\",\"cip_status_code\":\"0x00\",\"cip_status\":"
	       "\"Success\",\"symbol\":\"Tnk\"}");
	HAS(t,
	    "\"cip_service\":\"Get Attributes "
	    "All\",\"access\":\"read\",\"cip_status_code\":\"0x08\",\"cip_status\":\"Service "
	    "Not Supported\",\"class_id\":\"0x8b\",\"class_name\":\"Wall Clock Time\"");
	HAS(t, "\"cip_service\":\"Write "
	       "Data\",\"access\":\"program\",\"cip_status_code\":\"0x00\",\"cip_status\":"
	       "\"Success\",\"class_id\":\"0xa1\",\"class_name\":\"Nonvolatile Storage\"");
	HAS(t, "\"cip_service\":\"Set Attribute List\",\"access\":\"control\"");
}

TEST(bacnet_services)
{
	char *t = UDP(47808, {1, "810b001401041000c40200004d2205c491002107"},
		      {0, "810a001101040005010c0c0200004d1946"},
		      {1, "810a001a010430010c0c0200004d19463e75060050584333363f"},
		      {0, "810a001801040005020f0c0080000519553e44422800003f"},
		      {1, "810a000d010450020f91029128"},
		      {0, "810a001301040005031409001d050070617373"}, {1, "810a00090104200314"});

	HAS(t, "\"pdu_type\":\"UNCONFIRMED_REQUEST\",\"pdu_service\":\"i_am\",\"access\":"
	       "\"notify\",\"object_type\":\"device\",\"instance_number\":77}");
	HAS(t, "\"protocol\":\"bacnet\",\"vendor\":\"Siemens Building "
	       "Technologies\",\"name\":\"device 77\"}");
	HAS(t, "\"protocol\":\"bacnet\",\"product\":\"PXC36\"}");
	HAS(t, "\"pdu_type\":\"COMPLEX_ACK\",\"pdu_service\":\"read_property\",\"access\":"
	       "\"read\",\"invoke_id\":1,\"object_type\":\"device\",\"instance_number\":77,"
	       "\"property\":\"model-name\"}");
	HAS(t, "\"pdu_type\":\"ERROR_PDU\",\"pdu_service\":\"write_property\",\"access\":"
	       "\"write\",\"invoke_id\":2,\"object_type\":\"analog-value\",\"instance_number\":"
	       "5,\"property\":\"present-value\",\"result_code\":\"write-access-denied\"}");
	HAS(t, "\"pdu_type\":\"SIMPLE_ACK\",\"pdu_service\":\"reinitialize_device\",\"access\":"
	       "\"control\",\"invoke_id\":3,\"device_state\":0}");
	HASNT(t, "pass\"");
}

TEST(opcua_services)
{
	char *t = TCP(
		4840,
		{0,
		 "48454c463800000000000000ffffff7fffffff7f0000000000000000180000006f70632e7463"
		 "703a2f2f6c6f63616c686f73743a34383430"},
		{1, "41434b461c0000000000000000000100000001000000000000000000"},
		{0,
		 "4d534746710000001e00000023000000040000000400000001000f020401000149a01322da42"
		 "3e7d1701202702d07df03b0ca5eb9dd8010400000000000000ffffffffe80300000000000000"
		 "76380ca5eb9dd801000000000100000001000000001d02000000002d01000000003f000000"},
		{1,
		 "4d5347468a0000001e00000023000000040000000400000001001202e24e0ca5eb9dd8010400"
		 "00000000000000ffffffff0000000100000000000000100000003c58acd0974c7447feff6fa6"
		 "e57e978901000000002d00001800000c00000042617365446174615479706503000000000c00"
		 "0000426173654461746154797065400000000000ffffffff"},
		{0,
		 "4d534746610000001e0000002300000009000000090000000100a1020401000149a01322da42"
		 "3e7d1701202702d07df03b0ca5eb9dd8010400000000000000ffffffffe80300000000000100"
		 "00000302000400000050756d700d000000ffffffff"},
		{1,
		 "4d534746340000001e0000002300000009000000090000000100a40200000000000000000000"
		 "000000003b800000000000000000"},
		{0,
		 "4d534746410000001e000000230000000a0000000a0000007700000000000000000000000000"
		 "000000000000000000000000000000000000000000000000000000"});

	HAS(t, "\"identifier_str\":\"Hello\",\"access\":\"session\",\"endpoint\":\"opc.tcp://"
	       "localhost:4840\"}");
	HAS(t, "\"identifier\":527,\"identifier_str\":\"BrowseRequest\",\"access\":\"read\","
	       "\"node\":\"ns=0;i=29\",\"nodes\":1}");
	HAS(t, "\"identifier_str\":\"WriteRequest\",\"access\":\"write\",\"node\":\"ns=2;s="
	       "Pump\",\"nodes\":1,\"error\":\"0x803b0000\"}");
	HAS(t, "\"identifier_str\":\"encrypted\"");
}

TEST(mqtt_session)
{
	char *t = TCP(9999,
		      {0, "101f00044d51545404c2003c000670726573733700026f70000768756e74657232"},
		      {1, "20020000"}, {0, "82100001000b70726573732f372f636d6401"},
		      {0, "3212000c70726573732f372f74656d7000023431"},
		      {0, "3212000c70726573732f372f74656d7000033432"});

	HAS(t, "\"proto_name\":\"MQTT\",\"proto_version\":\"3.1.1\",\"client_id\":\"press7\","
	       "\"connect_status\":\"Connection "
	       "Accepted\",\"username\":\"op\",\"access\":\"session\"}");
	HAS(t, "\"action\":\"MQTT::SUBSCRIBE\",\"topics\":[\"press/7/cmd\"]");
	HAS(t, "\"from_client\":true,\"retain\":false,\"qos\":\"at least "
	       "once\",\"status\":\"ok\",\"topic\":\"press/7/"
	       "temp\",\"payload_len\":2,\"access\":\"write\"}");
	HASNT(t, "hunter2");
	HAS(t, "\"protocol\":\"mqtt\",\"repeats\":1}");
}

TEST(coap_requests)
{
	char *t = UDP(5683, {0, "41010001aab474656d700131"}, {1, "61450001aaff3431"},
		      {0, "41030002abb576616c7665ff31"}, {1, "61810002ab"});

	HAS(t, "\"method\":\"GET\",\"uri_path\":\"/temp/"
	       "1\",\"access\":\"read\",\"response_code\":\"2.05\"}");
	HAS(t, "\"method\":\"PUT\",\"uri_path\":\"/"
	       "valve\",\"access\":\"write\",\"response_code\":\"4.01\",\"error\":\"4.01\"}");
}

TEST(mms_services)
{
	char *t = TCP(
		102, {0, "0300001611e00000000100c0010ac1020100c2020102"},
		{1, "0300001611d00001000100c0010ac1020100c2020102"},
		{0, "0300001d02f0800d140506130100160102060528ca2202010000000000"},
		{0, "0300001b02f08001000100610e300c020103a007a0050201068200"},
		{1,
		 "0300002d02f080010001006120301e020103a019a117020106a2128003414242810652454636"
		 "31358203352e31"},
		{0,
		 "0300004402f0800100010061373035020103a030a02e020107a529a0223020a01ea11c1a0749"
		 "4544314c44301a11435357493124434f24506f73244f706572a003830101"},
		{1, "0300001e02f080010001006111300f020103a00aa108020107a503800103"},
		{0,
		 "0300003802f08001000100612b3029020103a024a022020108a41da11ba0193017a015a1131a"
		 "07494544314c44301a084d4d585531244d58"},
		{1, "0300001b02f08001000100610e300c020103a007a205800108a200"});

	HAS(t, "\"protocol\":\"mms\",\"vendor\":\"ABB\",\"product\":\"REF615\",\"firmware\":"
	       "\"5.1\"}");
	HAS(t, "\"service\":\"write\",\"access\":\"write\",\"object\":\"IED1LD0/"
	       "CSWI1$CO$Pos$Oper\",\"error\":\"data access error\"}");
	HAS(t, "\"service\":\"read\",\"access\":\"read\",\"object\":\"IED1LD0/"
	       "MMXU1$MX\",\"error\":\"error\"}");
	HAS(t, "\"service\":\"identify\",\"access\":\"identify\"}");
}

TEST(pnio_write)
{
	char *t = UDP(
		34964,
		{0,
		 "0400200010000000000000000000000000000000000000000100a0de976cd111827100a02442"
		 "df7d000000000000000000000000000000000000000001000000050000000300ffffffff5a00"
		 "0000000000000000000000000000000000000000000000000008003c01000000000000000000"
		 "0000000000000000000000000000000100010000802800000004000000000000000000000000"
		 "000000000000000000000000000000000000"},
		{1,
		 "0402200010000000000000000000000000000000000000000100a0de976cd111827100a02442"
		 "df7d000000000000000000000000000000000000000001000000050000000300ffffffff4000"
		 "00000000000081df000000000000000000000000000000000000000000000000000000000000"
		 "000000000000000000000000000000000000000000000000000000000000"},
		{0,
		 "0400200010000000000000000000000000000000000000000100a0de976cd111827100a02442"
		 "df7d000000000000000000000000000000000000000001000000060000000000ffffffff3c00"
		 "0000000000000000000000000000000000000000000000000000000000000000000000000000"
		 "0000000000000000000000000000000000000000000000000000"});

	HAS(t, "\"operation_num\":\"Write\",\"access\":\"write\",\"sequence_num\":5,\"object\":"
	       "\"slot 1.1 index 0x8028\",\"error\":\"refused\"}");
	HAS(t, "\"operation_num\":\"Connect\",\"access\":\"session\"");
}

TEST(goose_states)
{
	struct sensor *s = NULL;
	char *t;

	CHECK(sensor_new(NULL, &s) == 0);
	frame(s, 0, 0x88b8, 1,
	      "3001005b0000000061518013494544314c44302f4c4c4e3024474f2467636281020fa0820f49"
	      "4544314c44302f4c4c4e30246473830474726970840800000000000000008501058601008701"
	      "008801018901008a0101ab03830101");
	frame(s, 1000, 0x88b8, 1,
	      "3001005b0000000061518013494544314c44302f4c4c4e3024474f2467636281020fa0820f49"
	      "4544314c44302f4c4c4e30246473830474726970840800000000000000008501058601018701"
	      "008801018901008a0101ab03830101");
	frame(s, 1100, 0x88b8, 1,
	      "3001005b0000000061518013494544314c44302f4c4c4e3024474f2467636281020fa0820f49"
	      "4544314c44302f4c4c4e30246473830474726970840800000000000000008501068601008701"
	      "008801018901008a0101ab03830101");
	frame(s, 1200, 0x88b8, 9,
	      "3001005b0000000061518013494544314c44302f4c4c4e3024474f2467636281020fa0820f49"
	      "4544314c44302f4c4c4e30246473830474726970840800000000000000008501078601008701"
	      "008801018901008a0101ab03830101");
	frame(s, 1300, 0x88b8, 1,
	      "3001005b0000000061518013494544314c44302f4c4c4e3024474f2467636281020fa0820f49"
	      "4544314c44302f4c4c4e30246473830474726970840800000000000000008501068601018701"
	      "008801018901008a0101ab03830101");
	t = records(s, true);
	HAS(t, "\"src_mac\":\"02:00:00:00:00:01\",\"dst_mac\":\"01:0c:cd:01:00:00\",\"event\":"
	       "\"publisher\",\"access\":\"notify\",\"appid\":12289,\"gocb_ref\":\"IED1LD0/"
	       "LLN0$GO$gcb\",\"dat_set\":\"IED1LD0/LLN0$ds\",\"go_id\":\"trip\",\"st_num\":5");
	HAS(t, "\"event\":\"state changed\"");
	CHECK_INT(count(t, "\"event\":\"second source\""), 2);
	CHECK_INT(count(t, "\"_path\":\"goose\""), 4);
	sensor_free(s);
}

TEST(profinet_dcp)
{
	struct sensor *s = NULL;
	char *t;

	CHECK(sensor_new(NULL, &s) == 0);
	frame(s, 0, 0x8892, 3,
	      "feff0501000000010000006402020010000076657273616d61782d706e7331310205000e0000"
	      "0102020102020203020406010201000d00004943323030504e5330303100020300060000015a"
	      "000302040004000001000102000e0001c0a80102ffffff00c0a801020601000400000001");
	frame(s, 100, 0x8892, 7,
	      "fefd040000000002000000080506000400000002000000000000000000000000000000000000"
	      "0000");
	frame(s, 200, 0x8892, 7,
	      "fefd040000000003000000120202000c00017072657373313233343500000000000000000000");
	frame(s, 300, 0x8892, 7,
	      "8000000000000000000000000000000000000000000000000000000000000000000000000000"
	      "00000000");
	frame(s, 400, 0x8892, 7,
	      "8000000000000000000000000000000000000000000000000000000000000000000000000000"
	      "00000000");
	t = records(s, true);
	HAS(t, "\"host\":\"192.168.1.2\",\"protocol\":\"profinet\",\"product\":\"IC200PNS001\","
	       "\"name\":\"versamax-pns11\"}");
	HAS(t, "\"service\":\"identify\",\"direction\":\"response\",\"access\":\"notify\","
	       "\"station\":\"versamax-pns11\",\"address\":\"192.168.1.2\"");
	HAS(t, "\"service\":\"reset to "
	       "factory\",\"direction\":\"request\",\"access\":\"control\"}");
	HAS(t, "\"service\":\"set "
	       "name\",\"direction\":\"request\",\"access\":\"control\",\"station\":"
	       "\"press12345\"}");
	CHECK_INT(count(t, "\"_path\":\"profinet_rt\""), 1);
	sensor_free(s);
}

/* Omron's manual W342, on its port and on another; the same over TCP. */
static const struct said omron[] = {
	{false, "80000200020000010017"
		"0101"
		"82006400"
		"000a"},
	{true, "c0000200010000020017"
	       "0101"
	       "0000"
	       "00010002"},
	{false, "80000200020000010018"
		"0102"
		"82006400"
		"0001"
		"1234"},
	{true, "c0000200010000020018"
	       "0102"
	       "2108"},
	{false, "80000200020000010019"
		"0402"},
	{true, "c0000200010000020019"
	       "0402"
	       "0040"},
	{false, "8000020002000001001a"
		"0501"
		"00"},
	{true, "c000020001000002001a"
	       "0501"
	       "0000"
	       "434a324d2d4350553331202020202020"
	       "20202020"
	       "30322e303100000000000000000000000000"
	       "000000000000"},
	{false, "8000020002000001001b"
		"0306"
		"ffff"
		"00000000"
		"03e0"},
	{false, "80000200020000010017"
		"0101"
		"82006400"
		"000a"},
	{true, "c0000200010000020017"
	       "0101"
	       "0000"
	       "00010002"},
};

TEST(fins)
{
	static const unsigned ports[] = {9600, 19600};

	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		char *t = talk(ports[i], true, omron, ARRAY_LEN(omron));

		HAS(t, "\"command\":\"Memory Area Read\",\"access\":\"read\",\"node\":2,"
		       "\"object\":\"DM 100, 10\"}");
		HAS(t, "\"command\":\"Memory Area Write\",\"access\":\"write\",\"node\":2,"
		       "\"object\":\"DM 100, 1\",\"error\":\"2108\"}");
		HAS(t, "\"command\":\"Stop\",\"access\":\"control\",\"node\":2}");
		HAS(t, "\"command\":\"Program Area Read\",\"access\":\"upload\",\"node\":2,"
		       "\"error\":\"no answer\",\"answered\":false}");
		HAS(t, "\"host\":\"10.0.0.2\",\"protocol\":\"fins\",\"vendor\":\"Omron\","
		       "\"product\":\"CJ2M-CPU31\",\"firmware\":\"02.01\"");
		CHECK_INT(count(t, "Memory Area Read"), 1);
		HAS(t, "\"_path\":\"ot_repeats\"");
	}
}

TEST(fins_tcp)
{
	static const struct said said[] = {
		{false, "46494e530000000c000000000000000000000000"},
		{true, "46494e5300000010000000010000000000000001"
		       "00000002"},
		{false, "46494e530000001a0000000200000000"
			"80000200020000010017"
			"0101"
			"82006400"
			"000a"},
		{true, "46494e530000001a0000000200000000"
		       "c0000200010000020017"
		       "0101"
		       "0000"
		       "00010002"},
		{false, "46494e53ffffffff0000000200000000"
			"80000200020000010017"},
		{false, "46494e53000000140000000200000000"
			"80000200020000010018"
			"0402"},
	};
	char *t = talk(9600, false, said, ARRAY_LEN(said));

	HAS(t, "\"command\":\"Memory Area Read\",\"access\":\"read\",\"node\":2,\"object\":"
	       "\"DM 100, 10\"}");
	CHECK(!strstr(t, "Stop")); /* behind a length that cannot be */
}

/* Of SNMP: vendor by the enterprise's number, firmware out of the text; a device of any
 * network. */
TEST(snmp_asset)
{
	static const struct {
		const char *hex, *vendor, *firmware;
	} rows[] = {
		{"308200b80201010402726fa28200ad020107020100020100308200a0307406082b06010201010"
		 "10004685369656d656e732c2053494d41544943204e45542c205343414c414e43452058323034"
		 "2d322c2036474b35203230342d32424231302c2048573a2056657273696f6e20372c2046573a2"
		 "056657273696f6e205630352e30322e30332c205356504c36313437393230301606082b060102"
		 "01010200060a2b06010401a169060102301006082b06010201010500040478323034",
		 "\"vendor\":\"Siemens\",", "\"firmware\":\"V05.02.03\",\"name\":\"x204\""},
		{"308200b00201010402726fa28200a502010702010002010030820098306e06082b06010201010"
		 "1000462436973636f20494f5320536f6674776172652c20433239363020536f66747761726520"
		 "2843323936302d4c414e424153454b392d4d292c2056657273696f6e2031322e3228353529534"
		 "52c2052454c4541534520534f465457415245202866633229301506082b060102010102000609"
		 "2b060104010901854c300f06082b060102010105000403737731",
		 "\"vendor\":\"Cisco\"", "\"firmware\":\"12.2(55)SE\""},
		{"306f0201010402726fa266020107020100020100305b303006082b0601020101010004244c696"
		 "e7578206e617320342e342e3330322b2023363930353720534d50207838365f3634301606082b"
		 "06010201010200060a2b06010401bf0803020a300f06082b0601020101050004036e6173",
		 "\"product\":\"Linux nas", "\"firmware\":\"4.4.302+\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *t = UDP(161,
			      {0, "30220201010402726fa019020107020100020100300e300c06082b060102"
				  "010101000500"},
			      {1, rows[i].hex}, {1, rows[i].hex});

		CHECK_INT(count(t, "\"_path\":\"asset\""), 1);
		HAS(t, "\"host\":\"10.0.0.2\",\"protocol\":\"snmp\"");
		HAS(t, rows[i].vendor);
		HAS(t, rows[i].firmware);
		HASNT(t, "\"_path\":\"ot_asset\"");
	}
}
TAP_MAIN
