package peer;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Verify BROKERS expect INPUT FILE      replays INPUT plainly; keeps states and alerts in FILE
 * Verify BROKERS check FILE STATES ALERTS  compares them with two topics ("-": no states there)
 *
 * Reads committed records only. Prints a line of counts; exit code 4 where anything differs.
 */
public final class Verify {
    interface Taker {
        void take(ConsumerRecord<byte[], byte[]> record);
    }

    private static String brokers;

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static boolean atEnd(Consumer<?, ?> consumer, Map<TopicPartition, Long> ends) {
        for (var end : ends.entrySet())
            if (consumer.position(end.getKey()) < end.getValue())
                return false;
        return true;
    }

    private static long read(String topic, Taker taker) {
        Properties p = new Properties();
        p.put("bootstrap.servers", brokers);
        p.put("isolation.level", "read_committed");
        p.put("max.poll.records", 20000);
        p.put("max.partition.fetch.bytes", 8 << 20);
        p.put("key.deserializer", ByteArrayDeserializer.class);
        p.put("value.deserializer", ByteArrayDeserializer.class);
        long n = 0;
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(p)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (var info : consumer.partitionsFor(topic))
                partitions.add(new TopicPartition(topic, info.partition()));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            var ends = consumer.endOffsets(partitions);
            while (!atEnd(consumer, ends)) {
                for (var record : consumer.poll(Duration.ofMillis(300))) {
                    taker.take(record);
                    n++;
                }
            }
        }
        return n;
    }

    private static void expect(String input, String file) throws IOException {
        Event event = new Event();
        Churn churn = new Churn();
        HashMap<String, byte[]> states = new HashMap<>();
        List<byte[]> alerts = new ArrayList<>();
        long n = read(input, record -> {
            event.decode(record.value());
            byte[] old = states.get(event.accountId);
            states.put(event.accountId, churn.apply(old, event));
            if (churn.alert)
                alerts.add(churn.alertBytes(event));
        });
        try (var out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(file)))) {
            out.writeLong(n);
            out.writeInt(states.size());
            for (var state : states.entrySet()) {
                out.writeUTF(state.getKey());
                out.write(state.getValue());
            }
            out.writeInt(alerts.size());
            for (byte[] alert : alerts) {
                out.writeShort(alert.length);
                out.write(alert);
            }
        }
        System.out.printf("replayed %d events%n", n);
    }

    private static boolean check(String file, String statesTopic, String alertsTopic)
        throws IOException {
        HashMap<String, byte[]> want = new HashMap<>(), got = new HashMap<>();
        HashMap<String, Integer> alerts = new HashMap<>();
        long events;
        try (var in = new DataInputStream(new BufferedInputStream(new FileInputStream(file)))) {
            events = in.readLong();
            for (int i = in.readInt(); i > 0; i--) {
                byte[] state = new byte[Churn.SIZE];
                String key = in.readUTF();
                in.readFully(state);
                want.put(key, state);
            }
            for (int i = in.readInt(); i > 0; i--) {
                byte[] alert = new byte[in.readShort()];
                in.readFully(alert);
                alerts.merge(text(alert), 1, Integer::sum);
            }
        }
        int alertCount = alerts.values().stream().mapToInt(i -> i).sum();
        read(alertsTopic, record -> alerts.merge(text(record.value()), -1, Integer::sum));
        long missingAlerts = 0, extraAlerts = 0;
        for (int n : alerts.values()) {
            missingAlerts += Math.max(0, n);
            extraAlerts += Math.max(0, -n);
        }
        int missing = 0, different = 0;
        if (!statesTopic.equals("-")) {
            read(statesTopic, record -> got.put(text(record.key()), record.value()));
            for (var state : want.entrySet()) {
                byte[] found = got.remove(state.getKey());
                if (found == null)
                    missing++;
                else if (!Arrays.equals(found, state.getValue()))
                    different++;
            }
        }
        System.out.printf("events %d, accounts %d (missing %d, different %d, extra %d), "
                + "alerts %d (missing %d, extra %d)%n", events, want.size(), missing, different,
            got.size(), alertCount, missingAlerts, extraAlerts);
        return missing + different + got.size() + missingAlerts + extraAlerts == 0;
    }

    public static void main(String[] args) {
        brokers = args[0];
        try {
            if (args[1].equals("expect"))
                expect(args[2], args[3]);
            else if (!check(args[2], args[3], args[4]))
                System.exit(4);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
