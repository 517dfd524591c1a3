package peer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The input record: Avro binary in Confluent framing, schema id 1, read by hand. Reused. */
public final class Event {
    static final VarHandle LONG =
        MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    static final VarHandle DOUBLE =
        MethodHandles.byteArrayViewVarHandle(double[].class, ByteOrder.LITTLE_ENDIAN);
    static final int HEADER_LEN = 5;
    static final int ATTRS_MAX = 8;

    public String eventId, accountId;
    public int source, kind, quantity;
    public long ts;
    public double amount;
    public boolean flagged;
    public final String[] attrKeys = new String[ATTRS_MAX], attrValues = new String[ATTRS_MAX];
    public int attrCount;

    private byte[] bytes;
    private int at;

    private long takeLong() {
        long n = 0;
        int shift = 0;
        byte b;
        do {
            b = bytes[at++];
            n |= (long) (b & 0x7f) << shift;
            shift += 7;
        } while (b < 0);
        return (n >>> 1) ^ -(n & 1);
    }

    private String takeString() {
        int length = (int) takeLong();
        String s = new String(bytes, at, length, StandardCharsets.UTF_8);
        at += length;
        return s;
    }

    public Event decode(byte[] value) {
        if (value[0] != 0 || value[4] != 1)
            throw new IllegalArgumentException("not an event of the reference job");
        bytes = value;
        at = HEADER_LEN;
        eventId = takeString();
        accountId = takeString();
        source = (int) takeLong();
        kind = (int) takeLong();
        ts = takeLong();
        amount = (double) DOUBLE.get(bytes, at);
        at += Double.BYTES;
        quantity = (int) takeLong();
        takeAttrs();
        bytes = null;
        return this;
    }

    private void takeAttrs() {
        attrCount = 0;
        flagged = false;
        for (long n = takeLong(); n != 0; n = takeLong()) {
            if (n < 0) {
                n = -n;
                takeLong();
            }
            for (; n > 0; n--) {
                String key = takeString(), value = takeString();
                if (attrCount < ATTRS_MAX) {
                    attrKeys[attrCount] = key;
                    attrValues[attrCount++] = value;
                }
                if (value.equals("FLAG"))
                    flagged = true;
            }
        }
    }

    static int putLong(byte[] out, int at, long value) {
        long n = (value << 1) ^ (value >> 63);
        for (; (n & ~0x7fL) != 0; n >>>= 7)
            out[at++] = (byte) (n | 0x80);
        out[at++] = (byte) n;
        return at;
    }

    static int putString(byte[] out, int at, String s) {
        byte[] text = s.getBytes(StandardCharsets.UTF_8);
        at = putLong(out, at, text.length);
        System.arraycopy(text, 0, out, at, text.length);
        return at + text.length;
    }
}
