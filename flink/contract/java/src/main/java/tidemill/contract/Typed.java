package tidemill.contract;

/**
 * Values of binary formats, as {@link TypedJudge} takes them: a text as byte[] of UTF-8, a whole number as Long or, beyond
 * int64, as BigInteger, Double, Boolean, BigDecimal, a list as List, a record or a map as Map by names, and what stands
 * here.
 */
final class Typed {
  /** A null that is there; what is not there at all is no value. */
  static final Object NULL = new Object();

  /** A value that no field takes, as bytes are. */
  static final Object OTHER = new Object();

  private Typed() {}

  /** A day: so many after 1970-01-01. */
  record Days(long days) {}

  /** An instant: ms since 1970 UTC, floored, and so many ns behind that. */
  record Stamp(long ms, long nanos) {
    /** Of ticks of which a second has so many, a thousand at least. */
    static Stamp of(long ticks, long perSecond) {
      long perMs = perSecond / 1_000;
      return new Stamp(Math.floorDiv(ticks, perMs), Math.floorMod(ticks, perMs) * (1_000_000 / perMs));
    }
  }
}
