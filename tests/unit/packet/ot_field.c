/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HART-IP and synchrophasors, as the captures hart-ip_all_types_and_commands_sent and C37.118
 * of cisagov/icsnpp-hart-ip and icsnpp-synchrophasor (BSD-3-Clause) have them; EtherCAT and
 * BACnet on Ethernet by their standards.
 */
#include "ot_talk.h"
#include "talk.h"

TEST(hart)
{
	static const size_t pieces[] = {1400, 3};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		char *t = talk_file("proto_hart_ip/icsnpp", i ? 5094 : 7094, false, pieces[i]);

		HAS(t, "\"service\":\"hart-ip\"");
		HAS(t, "\"message_id\":\"Session Initiate\",\"access\":\"session\",\"sequence_"
		       "number\":1");
		HAS(t, "\"message_id\":\"Token Passing PDU\",\"command\":\"Read Primary "
		       "Variable\",\"access\":\"read\",\"sequence_number\":7,\"device\":"
		       "\"2695eb27b8\"");
		HAS(t, "\"message_id\":\"Read Audit Log\"");
		HASNT(t, "\"answered\":false");
	}
}

/* A write to the loop's range is refused as it is locked (16); who the device is. */
TEST(hart_commands)
{
	char *t = UDP(5094,
		      {0, "0100030000070014"
			  "82a695eb27b82300"
			  "aabbccdd"},
		      {1, "0101030000070013"
			  "86a695eb27b8230210"
			  "0077"},
		      {0, "0100030000080011"
			  "82a695eb27b8000099"},
		      {1, "0101030000080027"
			  "86a695eb27b8001600"
			  "00fe2626050709030800abcdef0502000000002600cc"});

	HAS(t, "\"command\":\"Write Primary Variable Range "
	       "Values\",\"access\":\"write\",\"sequence_"
	       "number\":7,\"device\":\"a695eb27b8\",\"error\":\"response code 16\"");
	HAS(t, "\"protocol\":\"hart-ip\",\"vendor\":\"Rosemount\",\"device_type\":\"HART type "
	       "0x2626\",\"firmware\":\"3\",\"serial\":\"11259375\"");
}

TEST(synchrophasor)
{
	static const size_t pieces[] = {1400, 7};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		char *t = talk_file("proto_synchrophasor/icsnpp", i ? 4712 : 9712, false,
				    pieces[i]);

		HAS(t, "\"service\":\"synchrophasor\"");
		HAS(t, "\"command\":\"Send CFG-2\",\"access\":\"identify\",\"stream\":1");
		HAS(t, "\"frame_type\":\"CFG2\",\"access\":\"notify\",\"stream\":1,\"pmu_"
		       "count\":1,"
		       "\"stations\":[\"Reporting1\"]");
		HAS(t, "\"device_type\":\"PMU\",\"name\":\"Reporting1\"");
	}
}

/* Measurements are turned off; with a wrong checksum nothing is. */
TEST(synchrophasor_off)
{
	HAS(UDP(4713, {0, "aa4100120001597589330000000000019f7e"}),
	    "\"command\":\"Data off\",\"access\":\"control\"");
	HASNT(UDP(4713, {0, "aa4100120001597589330000000000019f7f"}), "synchrophasor");
}

/* A configuration that ends within its first unit (sanitizers). */
TEST(synchrophasor_cut)
{
	char *t = UDP(4713, {0, "aa31001600015975893300000000000f4240000142b3"});

	HAS(t, "\"pmu_count\":1,\"stations\":[]");
}

/* One frame from 02:00:00:00:00:01, or back, of an EtherType or a length. */
static void frame(struct sensor *s, int64_t ms, bool back, unsigned type, const char *hex)
{
	struct wire w = {.n = 0};
	uint8_t data[512];
	size_t n = unhex(hex, data, sizeof(data));

	if (back) {
		wbytes(&w, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
		w16(&w, type);
	} else {
		eth(&w, type);
	}
	wbytes(&w, data, n);
	give(s, ms, &w);
}

TEST(ethercat)
{
	static const char *const frames[] = {
		"0e10050101102001020000000800"
		"0000", /* operational */
		"0e10050101102001020000000800"
		"0100", /* the same on its way back */
		"1c1005020110001810000000"
		"0a0000000013"
		"00202340600"
		"00f000000"
		"0000",
		"1e1005030110001812000000"
		"0c0000000014"
		"020000000000"
		"66772e656677"
		"0000",
		"0e10050401100205020000000102"
		"0000",				    /* the EEPROM is written */
		"0e100c05000000010200000012340000", /* process data, twice */
		"0e100c06000000010200000056780000",
	};
	struct sensor *s = NULL;
	char *t;

	CHECK(sensor_new(NULL, &s) == 0);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++)
		frame(s, (int64_t)i, false, 0x88a4, frames[i]);
	t = records(s, true);
	HAS(t, "\"Slave_Addr\":\"0x1001\",\"access\":\"control\",\"Register_Type\":\"AL_Ctl\","
	       "\"data\":"
	       "\"OP\"");
	CHECK_INT(count(t, "AL_Ctl"), 1);
	HAS(t,
	    "\"access\":\"write\",\"req_resp\":\"SDO Download Request\",\"index\":\"0x6040\","
	    "\"subindex\":\"0x00\"");
	HAS(t, "\"access\":\"program\",\"opCode\":\"Write Request\",\"filename\":\"fw.efw\"");
	HAS(t, "\"access\":\"program\",\"Register_Type\":\"SII_EEPROM_Intr\"");
	CHECK_INT(count(t, "Logical ReadWrite"), 1);
	sensor_free(s);
}

/* A value is written and accepted; who is not asked answers nothing. */
TEST(bacnet_ethernet)
{
	struct sensor *s = NULL;
	char *t;

	CHECK(sensor_new(NULL, &s) == 0);
	frame(s, 0, false, 22,
	      "828203"
	      "0104"
	      "00050b0f"
	      "0c00400001"
	      "1955"
	      "3e44"
	      "3f"
	      "0000");
	frame(s, 1, false, 8,
	      "828203"
	      "0100"
	      "200b0f"
	      "000000");
	frame(s, 2, true, 8,
	      "828203"
	      "0100"
	      "200b0f"
	      "000000");
	frame(s, 3, true, 25,
	      "828203"
	      "0100"
	      "1000"
	      "c402000064"
	      "2205c4"
	      "9100"
	      "2105"
	      "00000000");
	for (int64_t i = 0; i < 6; i++) /* a question, three times */
		frame(s, 4 + i, i & 1, 24,
		      i & 1 ? "828203"
			      "0100"
			      "30010c0c00400001195553e91003f00000"
			    : "828203"
			      "0104"
			      "0005010c"
			      "0c00400001"
			      "1955"
			      "00000000");
	t = records(s, true);
	HAS(t, "\"_path\":\"ot_repeats\"");
	HAS(t, "\"protocol\":\"bacnet\",\"repeats\":2");
	CHECK_INT(count(t, "write_property"), 1);
	HAS(t,
	    "\"src_mac\":\"02:00:00:00:00:01\",\"dst_mac\":\"02:00:00:00:00:02\",\"pdu_type\":"
	    "\"SIMPLE_ACK\",\"pdu_service\":\"write_property\",\"access\":\"write\",\"invoke_"
	    "id\":11,"
	    "\"object_type\":\"analog-output\",\"instance_number\":1,\"property\":\"present-"
	    "value\"");
	HAS(t,
	    "\"src_mac\":\"02:00:00:00:00:02\",\"dst_mac\":\"02:00:00:00:00:01\",\"protocol\":"
	    "\"bacnet\",\"vendor\":\"Johnson Controls\",\"name\":\"device 100\"");
	HASNT(t, "bvlc");
	sensor_free(s);
}
TAP_MAIN
