#include "consumers/risk_words.h"

#include "base/dmath.h"
#include "base/timestamp.h"
#include "base/words.h"

static const char *const codes[GROUP_COUNT] = {
	[GROUP_PEERS] = "PEERS",
	[GROUP_RENEWAL] = "RENEWAL",
	[GROUP_USAGE] = "USAGE",
	[GROUP_SERVICE] = "SERVICE",
	[GROUP_SATISFACTION] = "SATISFACTION",
	[GROUP_PRICE] = "PRICE",
	[GROUP_COMPETITOR] = "COMPETITOR",
	[GROUP_SILENCE] = "SILENCE",
};

/* What the words are made from. */
struct telling {
	const struct features *features;
	const struct surroundings *around;
	int64_t at_ms;
	bool is_worse; /* than is usual, or something tells of it */
	bool raises;   /* the risk */
};

static double days_since(int64_t from_ms, int64_t to_ms)
{
	return to_ms > from_ms ? (double)(to_ms - from_ms) / (double)MS_PER_DAY : 0;
}

/* How many of a signal there were in about the last quarter. */
static double recent(const struct telling *telling, enum signal signal)
{
	const struct trace *trace = &telling->features->traces[signal];
	double days = days_since(trace->last_ms, telling->at_ms);
	return (double)trace->counts[HORIZON_QUARTER] * dm_exp(-days / 90);
}

/* What raises the risk, and nothing tells of it, must not read as if it lowered it. */
static void tell_usual(const struct telling *telling, struct words *words)
{
	if (telling->raises)
		words_say(words, "nothing unusual, ", "无异常，");
}

static void tell_renewal(const struct telling *telling, struct words *words)
{
	int64_t renewal_ms = telling->features->renewal_ms;
	if (renewal_ms <= telling->at_ms) {
		tell_usual(telling, words);
		words_say(words, "no renewal is near", "近期没有续约");
		return;
	}
	words_say(words, "the contract is up for renewal in ", "合同将在 ");
	words_number(words, days_since(telling->at_ms, renewal_ms));
	words_say(words, " days", " 天后续约");
}

static void tell_usage(const struct telling *telling, struct words *words)
{
	const struct features *features = telling->features;
	const struct trace *use = &features->traces[SIGNAL_USE];
	const struct trace *orders = &features->traces[SIGNAL_ORDER];
	if (features->seats_cut_ms > 0 && telling->is_worse &&
	    days_since(features->seats_cut_ms, telling->at_ms) < 90) {
		words_say(words, "gave up ", "");
		words_number(words, 100 * features->cut_share);
		words_say(words, " % of its seats ", "% 的席位已取消，在 ");
		words_number(words, days_since(features->seats_cut_ms, telling->at_ms));
		words_say(words, " days ago", " 天前");
		return;
	}
	if (use->count > 0) {
		double now = (double)use->sums[HORIZON_WEEKS] / 22.5;
		double span = 360 * (1 - dm_exp(-days_since(use->first_ms, use->last_ms) / 360));
		double year = (double)use->sums[HORIZON_YEAR] / (span + 1);
		words_say(words, "uses the product ", "目前每天使用产品 ");
		words_tenths(words, now);
		words_say(words, " times a day now, ", " 次，过去一年平均 ");
		words_tenths(words, year);
		words_say(words, " over the last year", " 次");
		return;
	}
	if (orders->count == 0) {
		words_say(words, "little activity is known", "已知活动很少");
		return;
	}
	words_say(words, "orders every ", "平均每 ");
	words_number(words, features_gap_days(features));
	words_say(words, " days on average, now silent for ", " 天下单，现已 ");
	words_number(words, days_since(orders->last_ms, telling->at_ms));
	words_say(words, "", " 天未下单");
}

/* 0: there was none. */
static int64_t last_trouble_ms(const struct features *features)
{
	const struct trace *fault = &features->traces[SIGNAL_FAULT];
	const struct trace *escalation = &features->traces[SIGNAL_ESCALATION];
	return fault->last_ms > escalation->last_ms ? fault->last_ms : escalation->last_ms;
}

static void tell_service(const struct telling *telling, struct words *words)
{
	const struct features *features = telling->features;
	double faults = recent(telling, SIGNAL_FAULT);
	double escalations = recent(telling, SIGNAL_ESCALATION);
	bool was_late = features->late_days > 0 &&
			days_since(features->traces[SIGNAL_DELIVERY].last_ms, telling->at_ms) < 90;
	int64_t trouble_ms = last_trouble_ms(features);
	if (!telling->is_worse || (!was_late && trouble_ms == 0)) {
		tell_usual(telling, words);
		words_say(words, "deliveries and service have been as they should",
			  "交付与服务正常");
		return;
	}
	words_say(words, "bad service: ", "服务不佳：");
	if (!was_late && faults < 0.5 && escalations < 0.5) {
		words_say(words, "the last fault or escalation came ", "最近一次故障或升级投诉在 ");
		words_number(words, days_since(trouble_ms, telling->at_ms));
		words_say(words, " days ago", " 天前");
		return;
	}
	if (was_late) {
		words_say(words, "the last late delivery came ", "最近一次延迟交付晚了 ");
		words_number(words, features->late_days);
		words_say(words, " days late, ", " 天，");
	}
	words_say(words, "about ", "近三个月约 ");
	words_number(words, faults);
	words_say(words, " faults and ", " 次故障、");
	words_number(words, escalations);
	words_say(words, " escalations in the last quarter", " 次升级投诉");
}

static void tell_satisfaction(const struct telling *telling, struct words *words)
{
	const struct features *features = telling->features;
	if (telling->is_worse)
		words_say(words, "signs of discontent: ", "不满迹象：");
	else if (telling->raises)
		tell_usual(telling, words);
	else
		words_say(words, "content so far: ", "目前满意：");
	if (features->traces[SIGNAL_SATISFACTION].count > 0) {
		words_say(words, "its last rating was ", "最近评分 ");
		words_number(words, features->score);
		words_say(words, ", ", "，");
	}
	words_say(words, "about ", "近三个月约 ");
	words_number(words, recent(telling, SIGNAL_TICKET));
	words_say(words, " tickets in the last quarter, opened ", " 张工单，打开了约 ");
	words_number(words, recent(telling, SIGNAL_MAIL_OPENED));
	words_say(words, " of ", "/");
	words_number(words, recent(telling, SIGNAL_MAIL));
	words_say(words, " mails", " 封邮件");
	const struct trace *paid = &features->traces[SIGNAL_PAYMENT];
	double late = (double)paid->sums[HORIZON_QUARTER] /
		      ((double)paid->counts[HORIZON_QUARTER] + 1e-9);
	if (paid->count == 0 || late < 1)
		return;
	words_say(words, ", pays ", "，平均逾期 ");
	words_number(words, late);
	words_say(words, " days late", " 天付款");
}

static void tell_price(const struct telling *telling, struct words *words)
{
	const struct trace *price = &telling->features->traces[SIGNAL_PRICE];
	if (price->count == 0) {
		tell_usual(telling, words);
		words_say(words, "no change of prices is known", "未知价格变动");
		return;
	}
	words_say(words, "its prices changed by ", "价格变动 ");
	words_tenths(words, telling->features->price_percent);
	words_say(words, " %, ", "%，在 ");
	words_number(words, days_since(price->last_ms, telling->at_ms));
	words_say(words, " days ago", " 天前");
}

static void tell_competitor(const struct telling *telling, struct words *words)
{
	if (telling->around->promotion <= 0 && telling->is_worse &&
	    telling->around->promotions >= 1) {
		words_say(words, "a competitor's offer in its region has ended, not long ago",
			  "所在地区竞争对手的促销不久前结束");
		return;
	}
	if (telling->around->promotion <= 0) {
		tell_usual(telling, words);
		words_say(words, "no competitor's offer runs in its region",
			  "所在地区没有竞争对手促销");
		return;
	}
	words_say(words, "a competitor offers ", "竞争对手在其地区提供 ");
	words_number(words, telling->around->promotion);
	words_say(words, " % less in its region, for ", "% 的折扣，还有 ");
	words_number(words, telling->around->promotion_days);
	words_say(words, " more days", " 天");
}

static void tell_silence(const struct telling *telling, struct words *words)
{
	words_say(words, "is heard of every ", "通常每 ");
	words_number(words, features_sign_days(telling->features) + 0.5);
	words_say(words, " days, now silent for ", " 天有动静，现已沉默 ");
	words_number(words, features_silence_days(telling->features, telling->at_ms));
	words_say(words, "", " 天");
}

static void (*const tellers[GROUP_COUNT])(const struct telling *, struct words *) = {
	[GROUP_RENEWAL] = tell_renewal, [GROUP_USAGE] = tell_usage,
	[GROUP_SERVICE] = tell_service, [GROUP_SATISFACTION] = tell_satisfaction,
	[GROUP_PRICE] = tell_price,	[GROUP_COMPETITOR] = tell_competitor,
	[GROUP_SILENCE] = tell_silence,
};

static const char *const names_en[GROUP_COUNT] = {
	[GROUP_RENEWAL] = "renewal", [GROUP_USAGE] = "usage",
	[GROUP_SERVICE] = "service", [GROUP_SATISFACTION] = "satisfaction",
	[GROUP_PRICE] = "prices",    [GROUP_COMPETITOR] = "competitors",
	[GROUP_SILENCE] = "silence",
};

static const char *const names_zh[GROUP_COUNT] = {
	[GROUP_RENEWAL] = "续约",	 [GROUP_USAGE] = "使用", [GROUP_SERVICE] = "服务",
	[GROUP_SATISFACTION] = "满意度", [GROUP_PRICE] = "价格", [GROUP_COMPETITOR] = "竞争对手",
	[GROUP_SILENCE] = "沉默",
};

/* Everything from ranked[from] on. */
static double rest_of(const struct hazard_score *score, const enum feature_group *ranked,
		      size_t from, size_t count)
{
	double rest = 0;
	for (size_t i = from; i < count; i++)
		rest += score->groups[ranked[i]];
	return rest;
}

static double magnitude(double x)
{
	return x < 0 ? -x : x;
}

/* Whether what is not listed weighs more than any reason that is. */
static bool outweighs(const struct hazard_score *score, const enum feature_group *ranked,
		      size_t listed, double rest)
{
	for (size_t i = 0; i < listed; i++)
		if (magnitude(score->groups[ranked[i]]) >= magnitude(rest))
			return false;
	return listed > 0;
}

static struct reason others(double rest, const enum feature_group *ranked, size_t count,
			    struct reason_texts *texts, size_t at)
{
	struct words words = words_in(texts, at);
	if (rest > 0)
		words_say(&words, "all else together: ", "其余因素合计：");
	else
		words_say(&words,
			  "all else together, as usual or better: ", "其余因素合计，正常或更好：");
	for (size_t i = 0; i < count; i++) {
		words_say(&words, i == 0 ? "" : ", ", i == 0 ? "" : "、");
		words_say(&words, names_en[ranked[i]], names_zh[ranked[i]]);
	}
	return (struct reason){ .code = bytes_str("OTHERS"),
				.text = bytes_of(texts->en[at], phrase_end(&words.en)),
				.contribution = rest,
				.text_zh = bytes_of(texts->zh[at], phrase_end(&words.zh)) };
}

static struct reason tell(const struct account_state *state, const struct risk_occasion *occasion,
			  const struct hazard_score *score, enum feature_group group,
			  struct reason_texts *texts, size_t at)
{
	const struct telling telling = { &state->relationship.features, occasion->around,
					 occasion->at_ms,
					 ((score->raised | score->signs) >> group & 1) != 0,
					 score->groups[group] > 0 };
	struct words words = words_in(texts, at);
	tellers[group](&telling, &words);
	return (struct reason){ .code = bytes_str(codes[group]),
				.text = bytes_of(texts->en[at], phrase_end(&words.en)),
				.contribution = score->groups[group],
				.text_zh = bytes_of(texts->zh[at], phrase_end(&words.zh)) };
}

const char *risk_words_code(enum feature_group group)
{
	return codes[group];
}

size_t risk_words(const struct account_state *state, const struct risk_occasion *occasion,
		  const struct hazard_score *score, struct reason reasons[REASONS_MAX],
		  struct reason_texts *texts)
{
	enum feature_group ranked[GROUP_COUNT];
	size_t all = hazard_rank(score, ranked), count = 0;
	while (count < all && count < REASONS_MAX && hazard_matters(score, ranked[count]))
		count++;
	if (count == 0)
		count = all < REASONS_MAX ? all : REASONS_MAX;
	for (size_t i = 0; i < count; i++)
		reasons[i] = tell(state, occasion, score, ranked[i], texts, i);
	double rest = rest_of(score, ranked, count, all);
	if (count < REASONS_MAX && outweighs(score, ranked, count, rest)) {
		reasons[count] = others(rest, ranked + count, all - count, texts, count);
		count++;
	}
	return count;
}
