/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols of plants: Modbus, S7comm. Bytes as devices sent them, or as the standard has them.
 */
#include "ot_talk.h"

TEST(modbus_read)
{
	/* modbus_test_2.pcap of ITI/ICS-Security-Tools (CC BY 4.0) */
	char *t = TCP(502, {0, "0ab80000000601040000000e"},
		      {1, "0ab80000001f01041c0000559c000000000000000000003a50000000000000000000"
			  "007025"});

	HAS(t, "\"_path\":\"modbus\"");
	HAS(t, "\"tid\":2744,\"unit\":1,\"func\":\"READ_INPUT_REGISTERS\",\"access\":\"read\","
	       "\"pdu_type\":\"RESP\","
	       "\"address\":0,\"quantity\":14}");
	HAS(t, "\"service\":\"modbus\"");
	/* On a port that says nothing, by content. */
	t = TCP(5555, {0, "0ab80000000601040000000e"},
		{1,
		 "0ab80000001f01041c0000559c000000000000000000003a50000000000000000000007025"});
	HAS(t, "\"func\":\"READ_INPUT_REGISTERS\"");
	/* Function 4 asks for 0 registers: nobody does. */
	t = TCP(5555, {0, "0ab800000006010400000000"}, {1, "0ab80000000401040000"});
	HASNT(t, "modbus");
}

TEST(modbus_writes_and_errors)
{
	char *t = TCP(502, {0, "000100000006050500070000"}, {1, "000100000006050500070000"},
		      {0, "00020000000b05100010000204000a0102"},
		      {1, "000200000006051000100002"}, {0, "000300000006050300ff0001"},
		      {1, "000300000003058302"}, {0, "0004000000060506000a0001"});

	HAS(t, "\"func\":\"WRITE_SINGLE_COIL\",\"access\":\"write\",\"pdu_type\":\"RESP\","
	       "\"address\":7,\"quantity\":1,"
	       "\"request_values\":[0]");
	HAS(t, "\"func\":\"WRITE_MULTIPLE_REGISTERS\",\"access\":\"write\",\"pdu_type\":"
	       "\"RESP\",\"address\":16,"
	       "\"quantity\":2,\"request_values\":[10,258]");
	HAS(t, "\"func\":\"READ_HOLDING_REGISTERS\",\"access\":\"read\",\"pdu_type\":\"RESP\","
	       "\"exception\":\"ILLEGAL_DATA_ADDRESS\"");
	HAS(t, "\"func\":\"WRITE_SINGLE_REGISTER\",\"access\":\"write\",\"pdu_type\":\"REQ\","
	       "\"answered\":false");
}

/* The same read is told once in ten minutes, with a count; writes always. */
TEST(modbus_repeats)
{
	static const struct said read[] = {{0, "000100000006010300000001"},
					   {1, "00010000000501030200ff"}};
	static const struct said write[] = {{0, "000200000006010600000001"},
					    {1, "000200000006010600000001"}};
	struct sensor *s = NULL;
	char *t;

	CHECK(sensor_new(NULL, &s) == 0);
	for (int64_t i = 0; i < 20; i++) {
		talk_at(s, i * 60000, 502, false, read, 2);
		talk_at(s, i * 60000 + 500, 502, false, write, 2);
	}
	t = records(s, true);
	CHECK_INT(count(t, "WRITE_SINGLE_REGISTER"), 20);
	/* 1,700,000,000 s lies 400 s before a tenth minute of the clock: 7, 10 and 3 reads. */
	CHECK_INT(count(t, "READ_HOLDING_REGISTERS"), 3);
	CHECK_INT(count(t, "\"repeats\":6}"), 1);
	CHECK_INT(count(t, "\"repeats\":9}"), 1);
	HAS(t, "\"_path\":\"ot_repeats\"");
	HAS(t, "\"protocol\":\"modbus\",\"repeats\":2}");
	sensor_free(s);
}

TEST(modbus_identity)
{
	char *t = TCP(502, {0, "000100000005012b0e0100"},
		      {1,
		       "00010000001c012b0e010100000300034d46430104504c4331020756312e322e3334"});

	HAS(t, "\"func\":\"READ_DEVICE_IDENTIFICATION\"");
	HAS(t, "\"_path\":\"ot_asset\"");
	HAS(t, "\"host\":\"10.0.0.2\",\"protocol\":\"modbus\",\"vendor\":\"MFC\",\"product\":"
	       "\"PLC1\",\"firmware\":\"V1.2.34\"");
	/* UMAS: stop; the answer refuses. */
	t = TCP(502, {0, "000200000004005a0041"}, {1, "000200000006005a00fd8001"});
	HAS(t, "\"func\":\"UMAS_STOP_PLC\",\"access\":\"control\",\"pdu_type\":\"RESP\","
	       "\"exception\":"
	       "\"SLAVE_DEVICE_FAILURE\"");
}

#define S7_CONNECT                                                \
	{0, "0300001611e00000000100c0010ac1020100c2020102"},      \
	{                                                         \
		1, "0300001611d00001000100c0010ac1020100c2020102" \
	}

TEST(s7_write)
{
	char *t =
		TCP(102, S7_CONNECT,
		    {0, "0300002702f080320100003909000e00080501120a1002000400008300004000040020"
			"420c0000"},
		    {1, "0300001602f0803203000039090002000100000501ff"},
		    {0, "0300001f02f080320100000001000e00000401120a10020002000584000100"},
		    {1, "0300001902f08032030000000100020004000004010a000000"});

	HAS(t, "\"_path\":\"s7comm\"");
	HAS(t, "\"function_code\":\"0x05\",\"function_name\":\"Write "
	       "Variable\",\"access\":\"write\",\"items\":"
	       "[\"M8 x4\"]}");
	/* The second lies in data block 5 and is not there. */
	HAS(t, "\"function_name\":\"Read Variable\",\"access\":\"read\",\"items\":[\"DB5.32 "
	       "x2\"],\"error_class\":"
	       "\"Object does not exist\"");
	HAS(t, "\"service\":\"s7comm\"");
}

/* A read whose one variable has a head and nothing behind it (sanitizers). */
TEST(s7_empty_item)
{
	char *t = TCP(102, {0, "0300001502f0803201000000010004000004011200"});

	HAS(t, "\"_path\":\"s7comm\"");
	HASNT(t, "\"items\"");
}

TEST(s7_stop_and_download)
{
	char *t = TCP(10102, S7_CONNECT,
		      {0, "0300002102f0803201000035000010000029000000000009505f50524f4752414d"},
		      {1, "0300001402f08032030000350000010000000029"},
		      {0, "0300003102f080320100000200002000001a00010000000000095f304130"
			  "30303031500d31303030313030303030303430"},
		      {1, "0300001402f0803203000002000001000000001a"},
		      {0, "0300002702f0803201000003000016000028000000000000fd0002432009505f5052"
			  "4f4752414d"},
		      {1, "0300001402f08032030000030000010000000028"});

	HAS(t, "\"function_name\":\"PLC "
	       "Stop\",\"filename\":\"P_PROGRAM\",\"access\":\"control\"}");
	HAS(t, "\"function_name\":\"Request "
	       "Download\",\"filename\":\"_0A00001P\",\"access\":\"program\"}");
	HAS(t, "\"function_name\":\"PLC Control\",\"subfunction_code\":\"P_PROGRAM\","
	       "\"subfunction_name\":\"PLC Start / Stop\",\"access\":\"control\"}");
}

TEST(s7_identity)
{
	/* Module identification of a CPU 315, then a request that nobody answers. */
	char *t = TCP(
		102, S7_CONNECT,
		{0, "0300002102f080320700000300000800080001120411440100ff09000400110001"},
		{1, "0300004502f080320700000300000c0028000112081284010100000000ff09002400110001"
		    "001c0001000136455337203331352d32454831342d3041423020"
		    "00c056030203"},
		{0, "0300002102f080320700000400000800080001120411440100ff0900040232"
		    "0004"});

	HAS(t, "\"_path\":\"ot_asset\"");
	HAS(t, "\"vendor\":\"Siemens\",\"product\":\"6ES7 "
	       "315-2EH14-0AB0\",\"firmware\":\"V3.2.3\"");
	HAS(t, "\"subfunction_name\":\"Read SZL\",\"access\":\"identify\"}");
	HAS(t, "\"subfunction_name\":\"Read SZL\",\"access\":\"identify\",\"answered\":false}");
}

TEST(s7_plus)
{
	/* One message out of s7comm_plus.pcap of cisagov/icsnpp-s7comm (BSD-3-Clause). */
	char *t = TCP(102, {0, "0300006802f0807203005920e969a95a852ab0e288480ccecb618e48779f"
			       "4b68a1ce9a9c42cd6aa53680068331000004f20000831a70000e4d747000"
			       "0e5101881d000700ce000004e88969001200000000896a001300896b0004"
			       "00000084eb270000000072030000"});

	HAS(t, "\"_path\":\"s7comm_plus\"");
	HAS(t,
	    "\"version\":3,\"opcode\":\"0x31\",\"opcode_name\":\"Request\",\"function_code\":"
	    "\"0x04f2\",\"function_name\":\"Set Variable\",\"access\":\"write\"}");
}

TAP_MAIN
