package peer;

import java.util.Arrays;

/**
 * The job's state, score and alert. A state is 400 bytes, little-endian, updated in a fresh copy:
 * version; of each of 8 kinds count, sum, two decayed sums, last time; then total, first time,
 * score, in alert (0 or 1), last alert's time, alerts, the tail of the last event's id.
 */
public final class Churn {
    public static final int SIZE = 400;
    static final int KINDS = 8, KIND_AT = 8, KIND_SIZE = 40;
    static final int TOTAL = 328, FIRST_TS = 336, SCORE = 344, IN_ALERT = 352, LAST_ALERT = 360;
    static final int ALERTS = 368, EVENT_TAIL = 376;
    static final double TAU7 = 70_000, TAU30 = 300_000; // "7 and 30 days", at 10 s a day
    static final double BIAS = -2.5;
    static final double[] COUNT_WEIGHTS = {-0.05, -0.20, 0.15, 0.45, 0.25, -0.05, -0.02, 0.35};
    static final double[] RATIO_WEIGHTS = {-0.30, -0.60, 0.50, 1.10, 0.60, -0.40, -0.10, 0.90};
    static final double[] RECENCY_WEIGHTS = {-0.40, -0.80, 0.70, 1.60, 0.80, -0.50, -0.10, 1.30};
    static final double[] W = new double[3 * KINDS];

    static {
        for (int k = 0; k < KINDS; k++) {
            W[3 * k] = COUNT_WEIGHTS[k];
            W[3 * k + 1] = RATIO_WEIGHTS[k];
            W[3 * k + 2] = RECENCY_WEIGHTS[k];
        }
    }

    public final double[] features = new double[3 * KINDS];
    public double score, before;
    public boolean alert;

    private static long getLong(byte[] s, int at) {
        return (long) Event.LONG.get(s, at);
    }

    private static double getDouble(byte[] s, int at) {
        return (double) Event.DOUBLE.get(s, at);
    }

    private static void count(byte[] s, Event e) {
        int o = KIND_AT + e.kind * KIND_SIZE;
        long last = getLong(s, o + 32);
        double gap = last == 0 ? 0 : Math.max(0, e.ts - last);
        Event.LONG.set(s, o, getLong(s, o) + 1);
        Event.DOUBLE.set(s, o + 8, getDouble(s, o + 8) + e.amount);
        Event.DOUBLE.set(s, o + 16, getDouble(s, o + 16) * Math.exp(-gap / TAU7) + e.amount);
        Event.DOUBLE.set(s, o + 24, getDouble(s, o + 24) * Math.exp(-gap / TAU30) + e.amount);
        Event.LONG.set(s, o + 32, Math.max(e.ts, last));
    }

    private double margin(byte[] s, long ts) {
        double z = BIAS;
        double[] f = features;
        for (int k = 0, o = KIND_AT; k < KINDS; k++, o += KIND_SIZE) {
            long n = getLong(s, o);
            if (n == 0) {
                f[3 * k] = f[3 * k + 1] = f[3 * k + 2] = 0;
                continue;
            }
            double age = Math.max(0, ts - getLong(s, o + 32));
            double e7 = getDouble(s, o + 16) * Math.exp(-age / TAU7);
            double e30 = getDouble(s, o + 24) * Math.exp(-age / TAU30);
            f[3 * k] = Math.log(1 + n);
            f[3 * k + 1] = e7 / (e30 + 1);
            f[3 * k + 2] = 1 / (1 + age / TAU7);
            z += W[3 * k] * f[3 * k] + W[3 * k + 1] * f[3 * k + 1] + W[3 * k + 2] * f[3 * k + 2];
        }
        return z;
    }

    public byte[] apply(byte[] old, Event e) {
        byte[] s = old == null ? new byte[SIZE] : old.clone();
        if (old == null) {
            s[0] = 1;
            Event.LONG.set(s, FIRST_TS, e.ts);
        }
        count(s, e);
        Event.LONG.set(s, TOTAL, getLong(s, TOTAL) + 1);
        double z = margin(s, e.ts);
        before = getDouble(s, SCORE);
        score = 1 / (1 + Math.exp(-z));
        Event.DOUBLE.set(s, SCORE, score);
        boolean in = getLong(s, IN_ALERT) != 0;
        boolean crossed = !in && score >= 0.8;
        in = crossed || in && !(score < 0.7);
        alert = crossed || e.flagged;
        Event.LONG.set(s, IN_ALERT, in ? 1L : 0L);
        if (alert) {
            Event.LONG.set(s, LAST_ALERT, e.ts);
            Event.LONG.set(s, ALERTS, getLong(s, ALERTS) + 1);
        }
        tail(s, e);
        return s;
    }

    @SuppressWarnings("deprecation") // the quick way out of a Latin-1 string
    private static void tail(byte[] s, Event e) {
        e.eventId.getBytes(12, 36, s, EVENT_TAIL);
    }

    /** alert_id, account_id, event_id, ts, score, score before, kind, reason, 8 ratios. */
    public byte[] alertBytes(Event e) {
        byte[] o = new byte[320];
        o[4] = 2;
        int p = Event.HEADER_LEN;
        p = Event.putString(o, p, "AL-" + e.eventId);
        p = Event.putString(o, p, e.accountId);
        p = Event.putString(o, p, e.eventId);
        p = Event.putLong(o, p, e.ts);
        Event.DOUBLE.set(o, p, score);
        Event.DOUBLE.set(o, p + 8, before);
        p = Event.putLong(o, p + 16, e.kind);
        p = Event.putString(o, p, "score crossed 0.8");
        p = Event.putLong(o, p, KINDS);
        for (int k = 0; k < KINDS; k++, p += 8)
            Event.DOUBLE.set(o, p, features[3 * k + 1]);
        p = Event.putLong(o, p, 0);
        return Arrays.copyOf(o, p);
    }
}
