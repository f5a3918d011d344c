package tidemill.contract;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * What judging costs, beside a bare loop over the same bytes: {@code java -cp JAR tidemill.contract.Bench FIELD_TABLE
 * RECORD} prints the least CPU time of ten rounds of each, in turns.
 */
public final class Bench {
  private static final int RECORDS = 1_000_000;
  private static final int ROUNDS = 10;
  private static final int COPIES = 1_024;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private Bench() {}

  /** Judges copies of one record, as a source would hand them out. */
  public static void main(String[] arguments) {
    Judge judge = new Judge(FieldTable.of(arguments[0]));
    byte[][] copies = new byte[COPIES][];
    for (int i = 0; i < COPIES; i++) {
      copies[i] = arguments[1].getBytes(StandardCharsets.UTF_8);
    }
    long judged = Long.MAX_VALUE;
    long bare = Long.MAX_VALUE;
    long events = 0;
    long sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long began = THREADS.getCurrentThreadCpuTime();
      for (int i = 0; i < RECORDS; i++) {
        Row row = new Row(judge.columns());
        judge.judge(copies[i % COPIES], Judge.NO_TIMESTAMP, null, row);
        events += row.isEvent() ? 1 : 0;
      }
      long between = THREADS.getCurrentThreadCpuTime();
      for (int i = 0; i < RECORDS; i++) {
        sum += sum(copies[i % COPIES]);
      }
      judged = Math.min(judged, between - began);
      bare = Math.min(bare, THREADS.getCurrentThreadCpuTime() - between);
    }
    double bytes = (double) RECORDS * copies[0].length;
    System.out.printf(
        Locale.ROOT,
        "judged: %.0f ns per record of %d bytes, %.2f ns per byte; a bare loop: %.2f ns per byte; events: %d of %d; %x%n",
        (double) judged / RECORDS, copies[0].length, judged / bytes, bare / bytes, events, (long) RECORDS * ROUNDS, sum);
  }

  /** Each byte waits for the one before it, as in a parser. */
  private static int sum(byte[] record) {
    int sum = 0;
    for (byte b : record) {
      sum = 31 * sum ^ b;
    }
    return sum;
  }

  private static final class Row extends Verdict {
    Row(int columns) {
      super(columns);
    }

    boolean isEvent() {
      return reason == null;
    }
  }
}
