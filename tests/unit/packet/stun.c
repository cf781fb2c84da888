/* SPDX-License-Identifier: Apache-2.0 */
/* STUN by the vectors of RFC 5769, TURN by RFC 8656, and what is named by its first bytes. */
#include "ot_talk.h"

#define ID "2112a442b7e7a701bc34d686fa87dfae"
#define ASK                                                                \
	"00010058" ID "802200105354554e207465737420636c69656e7400240004"   \
	"6e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020" \
	"000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
#define ANSWER                                                                   \
	"0101003c" ID "8022000b7465737420766563746f7220002000080001a147e112a643" \
	"000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
#define ANSWER_6                                                                         \
	"01010048" ID "8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179" \
	"bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"

TEST(binding)
{
	char *t = UDP(9000, {0, ASK}, {1, ANSWER}, {0, ASK}, {1, ANSWER});

	CHECK_INT(count(t, "\"_path\":\"stun\""), 1);
	HAS(t, "\"method\":\"BINDING\",\"class\":\"SUCCESS\",\"mapped_h\":\"192.0.2.1\","
	       "\"mapped_p\":"
	       "32853,\"client_software\":\"STUN test client\",\"server_software\":\"test "
	       "vector\"}");
	HASNT(t, "evtj"); /* a name of one call alone */
	HAS(t, "\"service\":\"stun\"");
	t = UDP(3478, {0, ASK}, {1, ANSWER_6});
	HAS(t, "\"mapped_h\":\"2001:db8:1234:5678:11:2233:4455:6677\",\"mapped_p\":32853");
	t = UDP(3478, {0, ASK});
	HAS(t, "\"class\":\"REQUEST\"");
}

/* Of RFC 3489: no cookie, the address as it is. */
TEST(classic)
{
	char *t = UDP(3478, {0, "0001000000112233445566778899aabbccddeeff"},
		      {1, "0101000c00112233445566778899aabbccddeeff0001000800010050c0000207"});

	HAS(t, "\"mapped_h\":\"192.0.2.7\",\"mapped_p\":80");
	t = UDP(9000, {0, "0001000000112233445566778899aabbccddeeff"});
	HASNT(t, "\"_path\":\"stun\"");
}

#define REFUSED                                  \
	"01130010" ID "000900040000040100140004" \
	"6e657400"
#define ALLOCATE "00030018" ID "001900041100000000060003616e6e00001400036e657400"
#define ALLOCATED                                        \
	"01030018" ID "001600080001a14be112a64000200008" \
	"0001a147e112a643"
#define PERMIT                             \
	"0008000c"                         \
	"2112a442c7e7a701bc34d686fa87dfae" \
	"001200080001215a2b12a445"
#define PERMITTED  \
	"01080000" \
	"2112a442c7e7a701bc34d686fa87dfae"

/* Refused, then granted to a name; a peer may be reached. Over TCP cut anywhere, data between.
 */
TEST(relay)
{
	static const char *const want[] = {
		"\"method\":\"ALLOCATE\",\"class\":\"ERROR\",\"error_code\":401",
		"\"method\":\"ALLOCATE\",\"class\":\"SUCCESS\",\"mapped_h\":\"192.0.2.1\","
		"\"mapped_p\":"
		"32853,\"relayed_h\":\"192.0.2.2\",\"relayed_p\":32857,\"user\":\"ann\","
		"\"realm\":\"net\"",
		("\"method\":\"CREATE_PERMISSION\",\"class\":\"SUCCESS\","
		 "\"peer_h\":\"10.0.0.7\",\"peer_p\":72"),
	};
	static const char data[] = "400000050102030405000000";

	for (unsigned over_udp = 0; over_udp < 2; over_udp++) {
		char *t = over_udp
				  ? UDP(3478, {0, "00030000" ID}, {1, REFUSED}, {0, ALLOCATE},
					{1, ALLOCATED}, {0, PERMIT}, {1, PERMITTED})
				  : TCP(7000, {0, "00030000" ID}, {1, REFUSED}, {0, ALLOCATE},
					{1, ALLOCATED}, {0, data}, {0, PERMIT}, {1, PERMITTED});

		for (size_t i = 0; i < ARRAY_LEN(want); i++)
			HAS(t, want[i]);
		CHECK_INT(count(t, "\"_path\":\"stun\""), 3);
	}
}

/* What is no STUN, of lengths that lie. */
TEST(broken)
{
	char *t = UDP(3478, {0, "000100ff" ID "80220010"}, {0, "0001"}, {1, "01010004" ID "00"},
		      {0, "0001000c" ID "0020ffff0001a147e112a643"});

	HASNT(t, "mapped_h");
	HASNT(t, "software");
}

/* A tracker of BitTorrent is called, peers are searched for nearby; numbers alone are neither.
 */
TEST(bittorrent)
{
	HAS(UDP(6969, {0, "000004172710198000000000deadbeef"}), "\"service\":\"bittorrent\"");
	HAS(UDP(6771, {0, "42542d534541524348202a20485454502f312e310d0a"}),
	    "\"service\":\"bittorrent\"");
	HASNT(UDP(6969, {0, "000004172710198000000001deadbeef"}), "bittorrent");
}
TAP_MAIN
