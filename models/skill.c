#include "models/skill.h"

void skill_update(struct skill *skill, double error, double naive_error)
{
	skill->error = SKILL_DECAY * skill->error + error;
	skill->naive = SKILL_DECAY * skill->naive + naive_error;
	skill->count++;
	if (skill->count < SKILL_WARM_UP)
		return;
	if (skill->error > skill->naive)
		skill->fallen_back = true;
	else if (skill->error < SKILL_BACK * skill->naive || skill->naive == 0)
		skill->fallen_back = false;
}
