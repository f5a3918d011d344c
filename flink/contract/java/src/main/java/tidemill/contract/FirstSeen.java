package tidemill.contract;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.functions.AggregateFunction;

/**
 * In SQL {@code first_seen(id, event_time, span_ms) OVER (PARTITION BY topic, partition ORDER BY ... ROWS BETWEEN
 * UNBOUNDED PRECEDING AND CURRENT ROW)}: whether a row is the first of its id, or the id is remembered from a former
 * row. It is remembered with that row's event time until the newest event time of the rows before is {@code span_ms}
 * later; repeats do not extend that. Rows without an id are all first ones.
 *
 * <p>A row is judged by the newest time before it, so it cannot expire an id itself. What has expired leaves a few ids
 * a row, in the order in which they came: no row pays for all.
 */
public class FirstSeen extends AggregateFunction<Boolean, FirstSeen.Memory> {
  private static final long serialVersionUID = 1L;

  static final int MAX_FORGOTTEN_PER_ROW = 8;

  /** What is known of one source partition; the maps lie in Flink's state, of which a row touches a few entries. */
  public static class Memory {
    /** The newest event time; null before the first row. */
    public Long newest;
    /** Whether the last row was the first of its id. */
    public boolean isFirst = true;
    /** The number of the id that leaves next, and that of the one that comes next. */
    public long head;
    public long tail;
    /** No later than the time from which the id that leaves next is remembered. */
    public long headTime;
    /** The event time from which an id is remembered. */
    public MapView<String, Long> times = new MapView<>();
    /** The ids by number, as they came; one that came again after it had expired may stand there twice. */
    public MapView<Long, String> order = new MapView<>();
  }

  @Override
  public Memory createAccumulator() {
    return new Memory();
  }

  /** Takes in a row whose id is a number. */
  public void accumulate(
      Memory memory, Long id, @DataTypeHint("BIGINT") Long eventTime, @DataTypeHint("BIGINT") Long spanMs)
      throws Exception {
    accumulate(memory, id == null ? null : id.toString(), eventTime, spanMs);
  }

  /** Takes in a row whose id is a text. */
  public void accumulate(
      Memory memory, String id, @DataTypeHint("BIGINT") Long eventTime, @DataTypeHint("BIGINT") Long spanMs)
      throws Exception {
    long time = eventTime;
    forget(memory, spanMs);
    memory.isFirst = true;
    if (id != null) {
      Long since = memory.times.get(id);
      memory.isFirst = since == null || hasExpired(memory, since, spanMs);
      if (memory.isFirst) {
        if (memory.head == memory.tail) {
          memory.headTime = time;
        }
        memory.times.put(id, time);
        memory.order.put(memory.tail++, id);
      }
    }
    if (memory.newest == null || time > memory.newest) {
      memory.newest = time;
    }
  }

  @Override
  public Boolean getValue(Memory memory) {
    return memory.isFirst;
  }

  private static void forget(Memory memory, long spanMs) throws Exception {
    int left = MAX_FORGOTTEN_PER_ROW;
    while (memory.head < memory.tail && hasExpired(memory, memory.headTime, spanMs) && left-- > 0) {
      String id = memory.order.get(memory.head);
      Long since = memory.times.get(id);
      if (since != null && !hasExpired(memory, since, spanMs)) {
        // it came again, and is remembered anew
        memory.headTime = since;
        return;
      }
      memory.times.remove(id);
      memory.order.remove(memory.head++);
      if (memory.head < memory.tail) {
        Long next = memory.times.get(memory.order.get(memory.head));
        memory.headTime = next == null ? Long.MIN_VALUE : next;
      }
    }
  }

  private static boolean hasExpired(Memory memory, long since, long spanMs) {
    if (memory.newest == null || memory.newest <= since) {
      return false;
    }
    long age = memory.newest - since;
    // negative where it is too long for a long
    return age < 0 || age >= spanMs;
  }
}
