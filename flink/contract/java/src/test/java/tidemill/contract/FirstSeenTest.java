package tidemill.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.junit.jupiter.api.Test;

/** The memory of ids against one that is written down plainly, by itself and inside Flink. */
class FirstSeenTest {
  private static final long SPAN_MS = 100;

  private final FirstSeen function = new FirstSeen();
  private final FirstSeen.Memory memory = function.createAccumulator();

  private boolean isFirst(String id, long time) throws Exception {
    function.accumulate(memory, id, time, SPAN_MS);
    return function.getValue(memory);
  }

  /** The rule in its own words: remembered from the first row until the newest time before is a span later. */
  private static final class Plain {
    private final Map<String, Long> since = new HashMap<>();
    private Long newest;

    boolean isFirst(String id, long time) {
      boolean first = id == null || !since.containsKey(id) || newest - since.get(id) >= SPAN_MS;
      if (first && id != null) {
        since.put(id, time);
      }
      newest = newest == null ? time : Math.max(newest, time);
      return first;
    }
  }

  @Test
  void anIdIsRememberedUntilTheNewestTimeBeforeTheRowIsASpanLater() throws Exception {
    assertTrue(isFirst("a", 0));
    assertEquals(false, isFirst("a", 99));
    assertEquals(false, isFirst("a", 100), "the row itself does not count");
    assertTrue(isFirst("a", 7), "a span after 0, whatever the repeats said");
    assertEquals(false, isFirst("a", 7));
    assertTrue(isFirst("b", 107));
    assertTrue(isFirst("a", 0));
  }

  @Test
  void rowsWithoutAnIdAreNoRepeatsAndMoveTheNewestTime() throws Exception {
    assertTrue(isFirst("a", 0));
    assertTrue(isFirst(null, 0));
    assertTrue(isFirst(null, 100));
    assertTrue(isFirst("a", 0));
  }

  @Test
  void anIdFromTheFutureIsRememberedAsLongAsItsOwnTimeSays() throws Exception {
    assertTrue(isFirst("a", 1_000));
    assertTrue(isFirst("b", 0));
    assertTrue(isFirst("b", 0), "so late that it was forgotten at once");
    assertEquals(false, isFirst("a", 0));
  }

  @Test
  void timesAtTheEndsOfWhatALongHoldsDoNotOverflow() throws Exception {
    assertTrue(isFirst("a", Long.MIN_VALUE));
    assertEquals(false, isFirst("a", Long.MAX_VALUE));
    assertTrue(isFirst("a", Long.MAX_VALUE));
    assertEquals(false, isFirst("a", Long.MIN_VALUE));
  }

  @Test
  void numbersAreIdsToo() throws Exception {
    function.accumulate(memory, 7L, 0L, SPAN_MS);
    assertTrue(function.getValue(memory));
    function.accumulate(memory, 7L, 1L, SPAN_MS);
    assertEquals(false, function.getValue(memory));
    function.accumulate(memory, (Long) null, 1L, SPAN_MS);
    assertTrue(function.getValue(memory));
  }

  @Test
  void itAgreesWithThePlainRuleWhateverComes() throws Exception {
    for (int seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      FirstSeen.Memory own = function.createAccumulator();
      Plain plain = new Plain();
      long clock = 0;
      int ids = 1 + random.nextInt(60);
      for (int at = 0; at < 500; at++) {
        clock += random.nextInt(20) == 0 ? random.nextInt(400) : random.nextInt(3);
        String id = random.nextInt(30) == 0 ? null : "i" + random.nextInt(ids);
        long time = clock - random.nextInt(random.nextInt(10) == 0 ? 300 : 5);
        function.accumulate(own, id, time, SPAN_MS);
        assertEquals(plain.isFirst(id, time), function.getValue(own), "seed " + seed + ", row " + at);
      }
    }
  }

  @Test
  void whatHasExpiredLeaves() throws Exception {
    int most = 0;
    for (int at = 0; at < 20_000; at++) {
      assertTrue(isFirst("i" + at, at));
      most = Math.max(most, memory.times.getMap().size());
    }
    assertTrue(most <= SPAN_MS + 1, most + " ids");
    assertEquals(memory.times.getMap().size(), memory.order.getMap().size());
  }

  @Test
  void aLeapForgetsLittleByLittleAndIsHeededAtOnce() throws Exception {
    for (int at = 0; at < 1_000; at++) {
      isFirst("i" + at, 0);
    }
    isFirst("leap", 100);
    assertTrue(isFirst("i999", 100));
    assertTrue(memory.times.getMap().size() > 900);
    for (int at = 0; at < 1_000 / FirstSeen.MAX_FORGOTTEN_PER_ROW; at++) {
      isFirst("leap", 100);
    }
    assertEquals(2, memory.times.getMap().size());
    assertEquals(false, isFirst("i999", 100));
  }

  @Test
  void insideFlinkEachPartitionHasItsOwnMemoryAndTheTimeAttributeStays() throws Exception {
    Random random = new Random(7);
    List<Row> rows = new ArrayList<>();
    TreeMap<String, Integer> wanted = new TreeMap<>();
    Map<Integer, Plain> plain = new HashMap<>();
    long[] clocks = new long[3];
    for (int at = 0; at < 3_000; at++) {
      int partition = random.nextInt(clocks.length);
      clocks[partition] += random.nextInt(4);
      long time = clocks[partition] - random.nextInt(20);
      String id = random.nextInt(50) == 0 ? null : "i" + random.nextInt(40);
      rows.add(Row.of(partition, id, time));
      boolean first = plain.computeIfAbsent(partition, none -> new Plain()).isFirst(id, time);
      long start = Math.floorDiv(time, 1_000) * 1_000;
      wanted.merge(start + " " + partition, first ? 1 : 0, Integer::sum);
    }
    assertEquals(wanted, counted(rows));
  }

  private static TreeMap<String, Integer> counted(List<Row> rows) throws Exception {
    StreamExecutionEnvironment stream = StreamExecutionEnvironment.getExecutionEnvironment();
    stream.setParallelism(1);
    StreamTableEnvironment flink = StreamTableEnvironment.create(stream);
    flink.getConfig().set("table.local-time-zone", "UTC");
    flink.getConfig().set("pipeline.object-reuse", "true");
    TypeInformation<Row> type =
        Types.ROW_NAMED(new String[] {"p", "id", "t"}, Types.INT, Types.STRING, Types.LONG);
    flink.createTemporaryView(
        "given",
        stream.fromData(rows, type),
        Schema.newBuilder()
            .column("p", "INT").column("id", "STRING").column("t", "BIGINT NOT NULL")
            .columnByExpression("now", "PROCTIME()")
            .columnByExpression("ts", "TO_TIMESTAMP_LTZ(t, 3)")
            .watermark("ts", "ts - INTERVAL '1' DAY")
            .build());
    flink.getConfig().set("table.exec.resource.default-parallelism", "2");
    flink.executeSql("CREATE TEMPORARY FUNCTION first_seen AS '" + FirstSeen.class.getName() + "'");
    flink.executeSql(
        "CREATE TEMPORARY VIEW marked AS SELECT *, MAX(t) OVER w - 5 AS wm,"
            + " first_seen(id, t, CAST(100 AS BIGINT)) OVER w AS f FROM given WINDOW w AS"
            + " (PARTITION BY p ORDER BY now ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)");
    TreeMap<String, Integer> found = new TreeMap<>();
    String query =
        "SELECT EXTRACT(EPOCH FROM window_start) * 1000, p, COUNT(*) FILTER (WHERE f)"
            + " FROM TABLE(TUMBLE(TABLE marked, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, p";
    String plan = flink.explainSql(query);
    assertEquals(1, plan.substring(plan.indexOf("== Optimized Execution Plan")).split("OverAggregate", -1).length - 1, plan);
    CloseableIterator<Row> each = flink.executeSql(query).collect();
    each.forEachRemaining(
        row -> found.put(row.getField(0) + " " + row.getField(1), ((Long) row.getField(2)).intValue()));
    each.close();
    return found;
  }
}
