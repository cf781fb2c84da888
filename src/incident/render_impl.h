/* SPDX-License-Identifier: Apache-2.0 */
/* incident/render_impl: the forms that have a file of their own; j: the line, taken apart. */
#ifndef INCIDENT_RENDER_IMPL_H
#define INCIDENT_RENDER_IMPL_H
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* A STIX 2.1 bundle: grouping, report, indicators, observed data, attack patterns, note. */
MUST int render_stix(const struct json *j, struct arena *mem, const char *version,
		     struct buf *out);
/* An OCSF 1.8.0 Incident Finding. */
MUST int render_ocsf(const struct json *j, struct arena *mem, const char *version,
		     struct buf *out);

#endif
