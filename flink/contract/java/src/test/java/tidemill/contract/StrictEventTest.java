package tidemill.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The function inside Flink, whose planner and runtime these tests run. */
class StrictEventTest {
  private static final String TABLE =
      "max_future 1000, \"id\" str length 1 4, \"at\" time_ms, \"cost\" money absent 250000, \"day\" date null absent null,"
          + " \"rate\" float absent #1.5, \"tags\" list absent [] of str, \"on\" bool absent true,"
          + " \"in\" object null absent null { \"n\" int }, \"more\" json null absent null";

  private static final AtomicInteger CALLS = new AtomicInteger();

  private StreamExecutionEnvironment stream;
  private StreamTableEnvironment flink;

  /** Counts how often it is asked. */
  public static final class Counting extends StrictEvent {
    private static final long serialVersionUID = 1L;

    @Override
    public RowData eval(StringData fieldTable, byte[] value) {
      CALLS.incrementAndGet();
      return super.eval(fieldTable, value);
    }
  }

  @BeforeEach
  void begin() {
    stream = StreamExecutionEnvironment.getExecutionEnvironment();
    stream.setParallelism(1);
    flink = StreamTableEnvironment.create(stream);
    flink.getConfig().set("table.local-time-zone", "UTC");
    flink.executeSql("CREATE TEMPORARY FUNCTION strict_event AS '" + StrictEvent.class.getName() + "'");
    flink.executeSql("CREATE TEMPORARY FUNCTION counting AS '" + Counting.class.getName() + "'");
    CALLS.set(0);
  }

  private void records(Object... values) {
    List<Row> rows = new ArrayList<>();
    for (Object value : values) {
      rows.add(Row.of(value instanceof String text ? text.getBytes(StandardCharsets.UTF_8) : value, Instant.EPOCH));
    }
    TypeInformation<Row> type =
        Types.ROW_NAMED(new String[] {"v", "ts"}, Types.PRIMITIVE_ARRAY(Types.BYTE), Types.INSTANT);
    flink.createTemporaryView("raw0", flink.fromDataStream(stream.fromData(rows, type)));
  }

  private List<Row> ask(String query) throws Exception {
    List<Row> found = new ArrayList<>();
    try (CloseableIterator<Row> rows = flink.executeSql(query).collect()) {
      rows.forEachRemaining(found::add);
    }
    return found;
  }

  private void view(String function, String table) {
    flink.executeSql("CREATE TEMPORARY VIEW raw1 AS SELECT ts, " + function + "('" + table + "', v) AS e FROM raw0");
  }

  @Test
  void anEventHasItsColumnsByTheirTypes() throws Exception {
    records(
        "{\"id\":\"\\u00e4b\",\"at\":7,\"cost\":1e1,\"day\":\"1970-01-02\",\"rate\":2,\"tags\":[\"x\",\"\u6f22\"],"
            + "\"on\":false,\"in\":{\"n\":-3},\"more\":{\"b\":1,\"a\":[]}}",
        "{\"id\":\"c\",\"at\":8}",
        "{\"id\":\"too long\",\"at\":8}",
        null,
        "x");
    view("strict_event", TABLE);
    List<Row> found =
        ask("SELECT e.reason, e.field, e.id, e.`at`, e.cost, e.`day`, e.rate, e.tags, e.`on`, e.`in.n`, e.more FROM raw1");
    LocalDate day = LocalDate.of(1970, 1, 2);
    String[] tags = {"x", "\u6f22"};
    assertEquals(
        List.of(
            Row.of(null, null, "\u00e4b", 7L, new BigDecimal("10.000000"), day, 2.0, tags, false, -3L,
                "{\"a\":[],\"b\":1}"),
            Row.of(null, null, "c", 8L, new BigDecimal("0.250000"), null, 1.5, new String[0], true, null, null),
            Row.of("constraint", "id", null, null, null, null, null, null, null, null, null),
            Row.of("tombstone", null, null, null, null, null, null, null, null, null, null),
            Row.of("malformed", null, null, null, null, null, null, null, null, null, null)),
        found);
  }

  @Test
  void aWholeRowCanBeKeptAndHandedOn() throws Exception {
    records("{\"id\":\"c\",\"at\":8,\"tags\":[\"x\"]}", "[]");
    view("strict_event", TABLE);
    assertEquals(
        "[+I[null, null, c, 8, 0.250000, null, 1.5, [x], true, null, null],"
            + " +I[not_object, null, null, null, null, null, null, null, null, null, null]]",
        ask("SELECT e FROM raw1").stream().map(row -> row.getField(0)).toList().toString());
  }

  @Test
  void aRecordIsJudgedOnceHoweverManyColumnsAreUsed() throws Exception {
    records("{\"id\":\"a\",\"at\":1}", "{\"id\":\"b\",\"at\":2}", "{\"id\":\"b\"}");
    view("counting", TABLE);
    String query =
        "SELECT e.id, MAX(e.`at`), SUM(e.cost), COUNT(e.`day`) FROM raw1 WHERE e.reason IS NULL AND e.rate > 1 GROUP BY e.id";
    String plan = flink.explainSql(query);
    String run = plan.substring(plan.indexOf("== Optimized Execution Plan =="));
    assertEquals(1, run.split("counting\\(", -1).length - 1, run);
    ask(query);
    assertEquals(3, CALLS.get());
  }

  @Test
  void twoTablesInOneStatementEachHaveTheirOwn() throws Exception {
    records("{\"id\":\"a\",\"at\":1}");
    String other = "\"at\" time_s";
    String query =
        "SELECT strict_event('" + TABLE + "', v).`at`, strict_event('" + other + "', v).`at` FROM raw0";
    assertEquals(List.of(Row.of(1L, 1_000L)), ask(query));
  }

  @Test
  void aTimestampOfARecordTellsFutureEvents() throws Exception {
    records("{\"id\":\"a\",\"at\":1000}", "{\"id\":\"a\",\"at\":1001}");
    String call = "strict_event('" + TABLE + "', v, %s).reason";
    List<String> timestamps = List.of("ts", "CAST(ts AS TIMESTAMP(3))", "CAST(0 AS BIGINT)", "CAST(NULL AS BIGINT)");
    String calls = String.join(", ", timestamps.stream().map(call::formatted).toList());
    assertEquals(
        List.of(Row.of(null, null, null, null), Row.of("future_event", "future_event", "future_event", null)),
        ask("SELECT " + calls + " FROM raw0"));
  }

  @Test
  void recordsOfAvroAndProtobufAreReadByTheTablesSchema() throws Exception {
    records("\u0004ab\u000e", "\u0004ab\u000ex", "\n\u0002ab\u0010\u0007", "\u0000\u0000\u0000\u0000\u0001\u0000\u0010\u0007");
    String schema =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":"
            + "[{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"was\",\"type\":\"long\"}]}";
    String fields = ", \"id\" str, \"at\" time_ms former (\"was\")";
    String avro = "avro \"" + schema.replace("\"", "\\\"") + "\"" + fields;
    String message = "(false \"id\" 1 9 false false false true -1 -1 \"at\" 2 3 false false false false -1 -1)";
    String protobuf = "protobuf (0) { " + message + " } {}" + fields;
    String query = "SELECT e.reason, e.id, e.`at` FROM (SELECT strict_event('%s', v, CAST(NULL AS BIGINT), %s) AS e FROM raw0)";
    Row malformed = Row.of("malformed", null, null);
    assertEquals(
        List.of(Row.of(null, "ab", 7L), malformed, malformed, malformed),
        ask(query.formatted(avro, "CAST(NULL AS BYTES)")));
    assertEquals(
        List.of(malformed, malformed, Row.of(null, "ab", 7L), Row.of(null, "", 7L)),
        ask(query.formatted(protobuf, "CAST(NULL AS BYTES)")));
    assertEquals(Collections.nCopies(4, malformed), ask(query.formatted(protobuf, "x'0000000001'")));
  }

  @Test
  void whatIsNoFieldTableIsRefusedWhenTheStatementIsRead() {
    records("{}");
    for (String wrong : List.of("'\"a\" text'", "'\"a\" str,'", "'avro \"\" str'", "'protobuf (0) {} {}, \"a\" str'", "CAST(v AS STRING)", "1")) {
      Exception refused =
          assertThrows(ValidationException.class, () -> ask("SELECT strict_event(" + wrong + ", v) FROM raw0"));
      StringBuilder said = new StringBuilder();
      for (Throwable cause = refused; cause != null; cause = cause.getCause()) {
        said.append(cause.getMessage());
      }
      assertTrue(said.toString().contains("field table"), said.toString());
    }
  }
}
