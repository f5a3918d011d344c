package tidemill.contract;

import java.util.Arrays;

/** The offsets of one time zone, as dataflow/zones.py has them; every time is in ms. */
final class Zone {
  /** Four hundred years: calendar, weekdays and with them a zone's yearly rules repeat. */
  private static final long CYCLE_MS = 146_097L * 86_400_000L;
  /** 2200-01-01: from here on a zone goes by its yearly rules alone. */
  private static final long CYCLES_FROM_MS = 7_258_118_400_000L;
  private static final long EVER_MS = 1L << 62;

  private final long[] since;
  private final long[] offset;
  /** Up to the end of each span with one offset: the latest reading that the clock had shown, plus 1 ms. */
  private final long[] reached;

  Zone(long[] since, long[] offset) {
    this.since = since;
    this.offset = offset;
    since[0] = -EVER_MS;
    reached = new long[since.length];
    for (int i = 0; i < since.length; i++) {
      long end = i + 1 < since.length ? since[i + 1] + offset[i] : EVER_MS;
      reached[i] = i == 0 ? end : Math.max(reached[i - 1], end);
    }
  }

  /**
   * The instant that somebody means by a reading: of one that comes twice the earlier; one that the clock skips counts
   * by the offset before the gap.
   */
  long instant(long reading) {
    long shift = Math.max(Math.floorDiv(reading - CYCLES_FROM_MS, CYCLE_MS), 0) * CYCLE_MS;
    long at = reading - shift;
    int span = Arrays.binarySearch(reached, at);
    span = span < 0 ? -span - 1 : span + 1;
    while (span < reached.length - 1 && reached[span] <= at) {
      span++;
    }
    boolean skipped = at - offset[span] < since[span];
    return at - offset[skipped ? span - 1 : span] + shift;
  }
}
