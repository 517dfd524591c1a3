package peer;

import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The reference job on Flink, in one process, until it is killed. Properties: brokers, app (its
 * group), input, alerts, state (a folder); backend (hashmap or rocksdb), checkpoint.ms (1000),
 * threads (1), chain (true: the input is keyed and partitioned already, so no shuffle). With each
 * checkpoint the source commits its offsets to the group, and the sink its transaction.
 */
public final class ChurnFlink {
    private static final TypeInformation<byte[]> BYTES =
        PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;

    private static final class Values implements KafkaRecordDeserializationSchema<byte[]> {
        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<byte[]> out) {
            out.collect(record.value());
        }

        @Override
        public TypeInformation<byte[]> getProducedType() {
            return BYTES;
        }
    }

    /** The account's name: the second text of a record, after the event's id; both are short. */
    private static final class Account implements KeySelector<byte[], String> {
        @Override
        public String getKey(byte[] value) {
            int at = Event.HEADER_LEN + 1 + (value[Event.HEADER_LEN] >> 1);
            if (value[Event.HEADER_LEN] < 0) {
                int length = (value[Event.HEADER_LEN] & 0x7f | value[Event.HEADER_LEN + 1] << 7) >> 1;
                at = Event.HEADER_LEN + 2 + length;
            }
            return new String(value, at + 1, value[at] >> 1, StandardCharsets.ISO_8859_1);
        }
    }

    private static final class Scorer extends KeyedProcessFunction<String, byte[], byte[]> {
        private transient ValueState<byte[]> state;
        private transient Event event;
        private transient Churn churn;

        @Override
        public void open(OpenContext context) {
            state = getRuntimeContext().getState(new ValueStateDescriptor<>("acct", BYTES));
            event = new Event();
            churn = new Churn();
        }

        @Override
        public void processElement(byte[] value, Context context, Collector<byte[]> out)
            throws Exception {
            event.decode(value);
            state.update(churn.apply(state.value(), event));
            if (churn.alert)
                out.collect(churn.alertBytes(event));
        }
    }

    private static final class Alerts implements KafkaRecordSerializationSchema<byte[]> {
        private final String topic;

        Alerts(String topic) {
            this.topic = topic;
        }

        @Override
        public ProducerRecord<byte[], byte[]> serialize(byte[] alert, KafkaSinkContext context,
            Long timestamp) {
            return new ProducerRecord<>(topic, alert);
        }
    }

    private static Configuration config() {
        String state = System.getProperty("state");
        Configuration c = new Configuration();
        c.setString("state.backend.type", System.getProperty("backend", "hashmap"));
        c.setString("execution.checkpointing.incremental", "true");
        c.setString("execution.checkpointing.storage", "filesystem");
        c.setString("execution.checkpointing.dir", "file://" + state + "/checkpoints");
        c.setString("taskmanager.memory.managed.size", "512m");
        c.setString("taskmanager.numberOfTaskSlots", System.getProperty("threads", "1"));
        c.setString("taskmanager.memory.network.max", "256m");
        c.setString("state.backend.rocksdb.compression.per.level", "LZ4_COMPRESSION");
        c.setString("state.backend.rocksdb.use-bloom-filter", "true");
        c.setString("state.backend.rocksdb.localdir", state + "/rocksdb");
        c.setString("io.tmp.dirs", state + "/tmp");
        return c;
    }

    private static KafkaSource<byte[]> source() {
        return KafkaSource.<byte[]>builder()
            .setBootstrapServers(System.getProperty("brokers"))
            .setTopics(System.getProperty("input"))
            .setGroupId(System.getProperty("app"))
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new Values())
            .setProperty("max.poll.records", "4000")
            .setProperty("register.consumer.metrics", "false")
            .setProperty("max.partition.fetch.bytes", "" + (4 << 20))
            .setProperty("fetch.max.bytes", "" + (64 << 20))
            .build();
    }

    private static KafkaSink<byte[]> sink() {
        Properties p = new Properties();
        p.put("transaction.timeout.ms", "600000");
        p.put("compression.type", "lz4");
        p.put("batch.size", "262144");
        p.put("linger.ms", "100");
        p.put("register.producer.metrics", "false");
        return KafkaSink.<byte[]>builder()
            .setBootstrapServers(System.getProperty("brokers"))
            .setRecordSerializer(new Alerts(System.getProperty("alerts")))
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(System.getProperty("app"))
            .setKafkaProducerConfig(p)
            .build();
    }

    public static void main(String[] args) throws Exception {
        int threads = Integer.getInteger("threads", 1);
        StreamExecutionEnvironment env =
            StreamExecutionEnvironment.createLocalEnvironment(threads, config());
        env.getConfig().enableObjectReuse();
        env.setMaxParallelism(128);
        env.setBufferTimeout(50);
        env.enableCheckpointing(Long.getLong("checkpoint.ms", 1000),
            CheckpointingMode.EXACTLY_ONCE);
        DataStream<byte[]> events =
            env.fromSource(source(), WatermarkStrategy.noWatermarks(), "events", BYTES);
        boolean chain = Boolean.parseBoolean(System.getProperty("chain", "true"));
        KeyedStream<byte[], String> keyed = chain
            ? DataStreamUtils.reinterpretAsKeyedStream(events, new Account(), Types.STRING)
            : events.keyBy(new Account(), Types.STRING);
        keyed.process(new Scorer(), BYTES).sinkTo(sink());
        env.execute("churn");
    }
}
