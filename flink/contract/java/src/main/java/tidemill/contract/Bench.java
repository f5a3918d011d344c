package tidemill.contract;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;

/** What judging costs: `java -cp JAR tidemill.contract.Bench FIELD_TABLE RECORD` prints ns of CPU per record, of ten rounds. */
public final class Bench {
  private static final int RECORDS = 2_000_000;
  private static final int ROUNDS = 10;

  private Bench() {}

  /** Judges copies of one record, as a source would hand them out. */
  public static void main(String[] arguments) {
    Judge judge = new Judge(FieldTable.of(arguments[0]));
    byte[] record = arguments[1].getBytes(StandardCharsets.UTF_8);
    byte[][] copies = new byte[1_024][];
    for (int i = 0; i < copies.length; i++) {
      copies[i] = record.clone();
    }
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    for (int round = 0; round < ROUNDS; round++) {
      long good = 0;
      long began = threads.getCurrentThreadCpuTime();
      for (int i = 0; i < RECORDS; i++) {
        Row row = new Row(judge.columns());
        judge.judge(copies[i & 1_023], Judge.NO_TIMESTAMP, row);
        good += row.isEvent() ? 1 : 0;
      }
      double each = (threads.getCurrentThreadCpuTime() - began) / (double) RECORDS;
      System.out.printf(
          java.util.Locale.ROOT,
          "%.0f ns per record of %d bytes, %.2f ns per byte, %d of %d are events%n",
          each, record.length, each / record.length, good, RECORDS);
    }
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
