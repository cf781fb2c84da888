/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/render: an incident's findings line (docs/INCIDENTS.md) in the forms people and
 * other programs read. All text of records is made harmless for the form it goes into.
 */
#ifndef INCIDENT_RENDER_H
#define INCIDENT_RENDER_H
#include "base/buf.h"
#include "base/err.h"

#define RENDER_FORMS "text, md, html, json, ocsf or stix"

bool render_known(struct str format);
/* Appends to out. version: of the program. 0, E_FORMAT when line is none, E_NOTFOUND, -ENOMEM.
 */
MUST int render(struct str format, struct str line, const char *version, struct buf *out);

#endif
