/* Names of companies: what is left of one when case, punctuation and legal form are off, and how
 * alike two are. Likeness is never more than a hint for people.
 *
 *   "GTX Pro GmbH & Co. KG", "GTXPro", "gtx-pro"  ->  "gtxpro"
 *
 * Legal forms are the usual abbreviations of ISO 20275 (entity legal forms). Threads: pure. */
#ifndef CONSUMERS_COMPANY_H
#define CONSUMERS_COMPANY_H

#include "base/bytes.h"

enum { COMPANY_TEXT_MAX = 64 };

/* From so many letters on a name is worth comparing. */
enum { COMPANY_LEN_MIN = 4 };

/* Two names at least this alike are suggested. */
#define COMPANY_ALIKE_MIN 0.92

/* What counts of `name` into text; its length, at most COMPANY_TEXT_MAX, 0 where nothing is left.
 * Latin letters lose their accents; other scripts stay as they are. */
size_t company_squeeze(struct bytes name, uint8_t text[COMPANY_TEXT_MAX]);

/* Jaro-Winkler similarity of two squeezed names, 0 to 1 (Winkler, "String Comparator Metrics and
 * Enhanced Decision Rules in the Fellegi-Sunter Model of Record Linkage", 1990). */
double company_likeness(struct bytes a, struct bytes b);

#endif
