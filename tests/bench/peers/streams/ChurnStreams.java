package peer;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.apache.kafka.streams.state.Stores;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

/**
 * The reference job on Kafka Streams, until it is killed. Properties: brokers, app, input, alerts,
 * state; threads (1), cache.mb (256; 0: no caching), commit.ms (100), block.cache.mb (128, all
 * stores), write.buffer.mb (64, of each store), instance (static membership).
 */
public final class ChurnStreams {
    static final String STORE = "acct";

    private static final class Scorer extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
        private final Event event = new Event();
        private final Churn churn = new Churn();
        private KeyValueStore<Bytes, byte[]> store;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            super.init(context);
            store = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            event.decode(record.value());
            Bytes key = Bytes.wrap(record.key());
            store.put(key, churn.apply(store.get(key), event));
            if (churn.alert)
                context().forward(record.withValue(churn.alertBytes(event)));
        }
    }

    public static final class Rocks implements RocksDBConfigSetter {
        private static final Cache CACHE;

        static {
            RocksDB.loadLibrary();
            CACHE = new LRUCache(Long.getLong("block.cache.mb", 128) << 20);
        }

        @Override
        public void setConfig(String name, Options options, Map<String, Object> configs) {
            var table = (BlockBasedTableConfig) options.tableFormatConfig();
            table.setBlockCache(CACHE).setBlockSize(4096).setCacheIndexAndFilterBlocks(false);
            table.setFilterPolicy(new BloomFilter(10, false));
            options.setTableFormatConfig(table);
            options.setWriteBufferSize(Long.getLong("write.buffer.mb", 64) << 20);
            options.setMaxWriteBufferNumber(3);
            options.setCompressionType(CompressionType.LZ4_COMPRESSION);
            options.setMaxBackgroundJobs(2);
        }

        @Override
        public void close(String name, Options options) {}
    }

    private static Properties config() {
        Properties p = new Properties();
        p.put("application.id", System.getProperty("app"));
        p.put("bootstrap.servers", System.getProperty("brokers"));
        p.put("state.dir", System.getProperty("state"));
        p.put("processing.guarantee", "exactly_once_v2");
        p.put("commit.interval.ms", Long.getLong("commit.ms", 100));
        p.put("num.stream.threads", Integer.getInteger("threads", 1));
        p.put("statestore.cache.max.bytes", Long.getLong("cache.mb", 256) << 20);
        p.put("rocksdb.config.setter", Rocks.class);
        p.put("topology.optimization", "all");
        p.put("buffered.records.per.partition", 10000);
        p.put("replication.factor", 1);
        p.put(StreamsConfig.consumerPrefix("max.poll.records"), 4000);
        p.put(StreamsConfig.mainConsumerPrefix("fetch.max.bytes"), 64 << 20);
        p.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 4 << 20);
        p.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        p.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        p.put(StreamsConfig.producerPrefix("batch.size"), 262144);
        p.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        p.put(StreamsConfig.producerPrefix("buffer.memory"), 64 << 20);
        if (System.getProperty("instance") != null)
            p.put(StreamsConfig.mainConsumerPrefix("group.instance.id"),
                System.getProperty("instance"));
        return p;
    }

    private static Topology topology() {
        var store = Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
            .withLoggingEnabled(Map.of("segment.bytes", "1073741824"));
        store = Long.getLong("cache.mb", 256) > 0
            ? store.withCachingEnabled() : store.withCachingDisabled();
        var bytes = new ByteArrayDeserializer();
        var out = new ByteArraySerializer();
        return new Topology()
            .addSource("events", bytes, bytes, System.getProperty("input"))
            .addProcessor("scorer", Scorer::new, "events")
            .addStateStore(store, "scorer")
            .addSink("alerts", System.getProperty("alerts"), out, out, "scorer");
    }

    public static void main(String[] args) {
        KafkaStreams streams = new KafkaStreams(topology(), config());
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> System.out.println(before + " -> " + now));
        Runtime.getRuntime().addShutdownHook(
            new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
    }
}
