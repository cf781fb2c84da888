/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"
#include <jansson.h>

bool peer_json(const char *p, size_t len)
{
	json_t *tree = json_loadb(p, len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

	if (!tree)
		return false;
	json_decref(tree);
	return true;
}
