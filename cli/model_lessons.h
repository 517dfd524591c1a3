/* The lessons of the stream, for what is done with them on command: growing trees, judging a model
 * that is brought, writing them out. */
#ifndef CLI_MODEL_LESSONS_H
#define CLI_MODEL_LESSONS_H

#include "base/conf.h"
#include "consumers/examples.h"
#include "kafka/client.h"
#include "models/hazard.h"
#include "schemas/registry.h"
#include "schemas/types.h"

typedef struct err *model_lesson_take(void *context, const struct lesson *lesson,
				      const struct example_facts *facts);

/* Each lesson of the application, in its order. Those of another set of features are passed over.
 * What people answered between them goes into *trust, where that is not NULL. Errors: as reader_run
 * and `take`. */
ERR_MUST_USE struct err *model_lessons_read(const struct conf *conf,
					    const struct client_options *client,
					    struct registry *registry, model_lesson_take *take,
					    void *context, struct trust *trust);

/* Publishes a model, with what is known of it in *record (without name, version and body), as a
 * version on `models`; its version, new, into version. Errors: as the writer. */
enum { MODEL_VERSION_LEN = 16 };
ERR_MUST_USE struct err *model_publish(const struct conf *conf, const struct client_options *client,
				       struct registry *registry, const struct hazard_model *model,
				       struct model_record *record,
				       char version[MODEL_VERSION_LEN + 1]);

#endif
