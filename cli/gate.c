#include "cli/gate.h"

#include <stdatomic.h>

static int64_t ask(struct gate *gate)
{
	return atomic_fetch_add(&gate->asked, 1) + 1;
}

static bool is_answered(struct gate *gate, struct gate_asker *asker, const struct gate_view *view)
{
	int64_t said = 0;
	for (size_t i = 0; i < view->answerer_count; i++) {
		if (atomic_load(&view->answerers[i]->answered) < asker->asked)
			return false;
		said += atomic_load(view->answerers[i]->effects);
	}
	bool is_over = view->answerer_count == 1 || said == asker->said;
	asker->said = said;
	if (!is_over)
		asker->asked = ask(gate);
	return is_over;
}

static bool have_settled(struct gate *gate, struct gate_asker *asker, const struct gate_view *view)
{
	if (asker->closed_since_ms == 0)
		asker->closed_since_ms = view->now_ms;
	if (asker->asked == 0 && view->is_settled)
		asker->asked = ask(gate);
	return (asker->asked > 0 && is_answered(gate, asker, view)) ||
	       view->now_ms - asker->closed_since_ms >= GATE_CLOSED_MS;
}

bool gate_may_pass(struct gate *gate, struct gate_asker *asker, const struct gate_view *view,
		   int64_t time_ms)
{
	if (time_ms < asker->pass_until_ms)
		return true;
	if (!have_settled(gate, asker, view))
		return false;
	asker->pass_until_ms = time_ms + GATE_STRETCH_MS;
	asker->closed_since_ms = asker->asked = 0;
	return true;
}

int64_t gate_question(struct gate *gate, const struct gate_answerer *answerer)
{
	int64_t asked = atomic_load(&gate->asked);
	return asked == atomic_load(&answerer->answered) ? 0 : asked;
}

void gate_answer(struct gate_answerer *answerer, int64_t question)
{
	atomic_store(&answerer->answered, question);
}
