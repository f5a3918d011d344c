package tidemill.contract;

/** Times and days as text, to milliseconds and days since 1970. */
final class Times {
  /** No event time is further from 1970. */
  static final long LIMIT_MS = 9_000_000_000_000_000L;

  /** No time: it is refused. */
  static final long NONE = Numbers.NONE;

  private static final int LIMIT_DIGITS = 17;
  private static final long DAY_MS = 86_400_000L;
  private static final int[] MONTH_DAYS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

  private Times() {}

  /** Days since 1970 of YYYY-MM-DD. */
  static long day(byte[] v, int at, int end) {
    return end - at == 10 ? dayAt(v, at) : NONE;
  }

  /** RFC 3339 with a zone, fractions floored, or digits, which are milliseconds. */
  static long text(byte[] v, int at, int end) {
    if (at < end && Json.digits(v, at, end) == end) {
      while (at < end && v[at] == '0') {
        at++;
      }
      long ms = end - at > LIMIT_DIGITS ? NONE : Numbers.digitsToLong(v, at, end);
      return ms > LIMIT_MS ? NONE : ms;
    }
    return clock(v, at, end, null, false);
  }

  /** The wider forms of a field: digits of its unit with decimals, +0100, a blank for the T, no zone. */
  static long form(Field field, byte[] v, int at, int end) {
    int digits = at < end && v[at] == '-' ? at + 1 : at;
    int behind = Json.digits(v, digits, end);
    int fraction = behind;
    if (behind > digits && behind < end && v[behind] == '.') {
      fraction = Json.digits(v, behind + 1, end);
      if (fraction == behind + 1) {
        fraction = behind;
      }
    }
    long ms =
        behind > digits && fraction == end
            ? ticks(field.digitsPerMs, v[at] == '-', v, digits, behind, end)
            : clock(v, at, end, field.zone, true);
    return ms == NONE || ms < field.low || ms > field.high ? NONE : ms;
  }

  /** Digits in [at, point), and behind a point decimals up to `end`. */
  private static long ticks(int digitsPerMs, boolean below, byte[] v, int at, int point, int end) {
    long ms = 0;
    boolean cut = false;
    int whole = digitsPerMs > 0 ? Math.max(at, point - digitsPerMs) : point;
    int used = 0;
    for (int i = at; i < whole; i++) {
      if (used > 0 || v[i] != '0') {
        used++;
      }
      if (used > LIMIT_DIGITS) {
        return NONE;
      }
      ms = 10 * ms + (v[i] - '0');
    }
    for (int i = whole; i < point; i++) {
      cut |= v[i] != '0';
    }
    int fraction = point + 1;
    for (int i = digitsPerMs; i < 0; i++, fraction++) {
      ms = 10 * ms + (fraction < end ? v[fraction] - '0' : 0);
      if (ms > 10 * LIMIT_MS) {
        return NONE;
      }
    }
    for (; fraction < end; fraction++) {
      cut |= v[fraction] != '0';
    }
    // floored, so a time before 1970 goes away from it
    return below ? -ms - (cut ? 1 : 0) : ms;
  }

  private static long clock(byte[] v, int at, int end, Zone zone, boolean wide) {
    if (end - at < 19) {
      return NONE;
    }
    long day = dayAt(v, at);
    byte between = v[at + 10];
    boolean parted = between == 'T' || between == 't' || (wide && between == ' ');
    int hour = two(v, at + 11);
    int minute = two(v, at + 14);
    int second = two(v, at + 17);
    if (day == NONE || !parted || v[at + 13] != ':' || v[at + 16] != ':') {
      return NONE;
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
      return NONE;
    }
    long ms = day * DAY_MS + ((hour * 60L + minute) * 60 + second) * 1_000;
    at += 19;
    if (at < end && v[at] == '.') {
      int from = at + 1;
      at = Json.digits(v, from, end);
      if (at == from) {
        return NONE;
      }
      for (int i = from, unit = 100; i < at && unit > 0; i++, unit /= 10) {
        ms += unit * (v[i] - '0');
      }
    }
    if (at == end) {
      return zone == null ? NONE : zone.instant(ms);
    }
    if (v[at] == 'Z' || v[at] == 'z') {
      return at + 1 == end ? ms : NONE;
    }
    return ahead(v, at, end, ms, wide);
  }

  /** The instant of a reading that is followed by how far the clock is ahead of UTC. */
  private static long ahead(byte[] v, int at, int end, long ms, boolean wide) {
    if ((v[at] != '+' && v[at] != '-') || end - at < 5) {
      return NONE;
    }
    int hours = two(v, at + 1);
    boolean colon = v[at + 3] == ':';
    int from = colon ? at + 4 : at + 3;
    if (end - from != 2 || (!colon && !wide)) {
      return NONE;
    }
    int minutes = two(v, from);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
      return NONE;
    }
    long ahead = (hours * 60L + minutes) * 60_000;
    return v[at] == '+' ? ms - ahead : ms + ahead;
  }

  private static int two(byte[] v, int at) {
    return Json.isDigit(v[at]) && Json.isDigit(v[at + 1]) ? 10 * (v[at] - '0') + v[at + 1] - '0' : -1;
  }

  /** Of the ten bytes at `at`. */
  private static long dayAt(byte[] v, int at) {
    int century = two(v, at);
    int rest = two(v, at + 2);
    int month = two(v, at + 5);
    int day = two(v, at + 8);
    if (century < 0 || rest < 0 || v[at + 4] != '-' || v[at + 7] != '-' || month < 1 || month > 12 || day < 1) {
      return NONE;
    }
    int year = 100 * century + rest;
    boolean leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || day > (month == 2 && leap ? 29 : MONTH_DAYS[month - 1])) {
      return NONE;
    }
    return daysFrom1970(year, month, day);
  }

  private static long daysFrom1970(int year, int month, int day) {
    // years that begin in March, so that the day that comes and goes is the last
    int from = month > 2 ? year : year - 1;
    int era = Math.floorDiv(from, 400);
    int inEra = from - era * 400;
    int inYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146_097L + inEra * 365L + inEra / 4 - inEra / 100 + inYear - 719_468;
  }
}
