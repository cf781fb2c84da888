/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/codec.h"

#define X(name) extern const struct codec_ops codec_##name;
#include "parse/registry.def"
#undef X

const struct codec_ops *const codecs[] = {
#define X(name) &codec_##name,
#include "parse/registry.def"
#undef X
	NULL,
};

const struct codec_ops *codec_find(struct str name)
{
	for (size_t i = 0; codecs[i]; i++)
		if (str_eqz(name, codecs[i]->name))
			return codecs[i];
	return NULL;
}
