/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/decoy: any bytes in any pieces; the answers are of bounded length, of passwords nothing
 * is kept. The first byte chooses the service, the others are heard in pieces of 1 to 64 bytes.
 */
#include "fuzz.h"
#include "sense/decoy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned ports[] = {22, 21, 23, 25, 110, 6379, 5900, 80, 1};
	struct decoy_talk t = {0};
	char answer[4096];

	if (!size)
		return 0;
	t.service = decoy_service((struct str){NULL, 0}, ports[data[0] % ARRAY_LEN(ports)]);
	for (size_t i = 1; i < size && !t.over;) {
		size_t n = MIN((size_t)1 + data[i] % 64, size - i);

		EXPECT(decoy_hear(&t, str_n((const char *)data + i, n), answer,
				  sizeof(answer)) <= sizeof(answer));
		EXPECT(t.ntext <= sizeof(t.text) && t.nuser <= sizeof(t.user));
		EXPECT(t.nline <= sizeof(t.line));
		i += n;
	}
	return 0;
}
