/* Topics that a person named: what is said where there is none of that name. */
#ifndef CLI_TYPED_TOPIC_H
#define CLI_TYPED_TOPIC_H

#include "base/err.h"

/* `err` (stolen, may be NULL) as it is, unless it says that the topic is missing and `typed` is
 * much like one of foretell's: then which one was meant (new). */
ERR_MUST_USE struct err *typed_topic_explain(struct err *err, const char *typed);

#endif
