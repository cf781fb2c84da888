/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/ber.h"
#include "base/timeutil.h"

int64_t ber_moment(unsigned tag, struct str s)
{
	char t[24];
	size_t year = tag == BER_TIME_UTC ? 2 : 4, n = 0;
	int64_t ns;

	if ((tag != BER_TIME_UTC && tag != BER_TIME_GEN) || s.len < year + 10)
		return 0;
	if (tag == BER_TIME_UTC) {
		t[n++] = s.p[0] < '5' ? '2' : '1';
		t[n++] = s.p[0] < '5' ? '0' : '9';
	}
	memcpy(t + n, s.p, year);
	n += year;
	for (size_t i = 0; i < 5; i++) {
		t[n++] = "--T::"[i];
		t[n++] = s.p[year + 2 * i];
		t[n++] = i == 4 && s.len < year + 10 ? '0' : s.p[year + 2 * i + 1];
	}
	return time_parse(str_n(t, n), &ns) ? ns : 0;
}
