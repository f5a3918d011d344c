package tidemill.contract;

import java.nio.charset.StandardCharsets;

/** JSON numbers, as they are written, to exact values. */
final class Numbers {
  /** No number: it is refused. */
  static final long NONE = Long.MIN_VALUE;

  private static final int MONEY_DIGITS = 18;
  private static final int MONEY_DECIMALS = 6;
  private static final long FAR = 1_000_000_000_000L;
  private static final long[] MICROS = {1_000_000, 100_000, 10_000, 1_000, 100, 10, 1};
  private static final double[] TENS = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22
  };

  private Numbers() {}

  /** Whether a JSON number is written as an int. */
  static boolean isInt(byte[] v, int at, int end) {
    return Json.digits(v, v[at] == '-' ? at + 1 : at, end) == end;
  }

  /** Whether an int in JSON fits into int64. */
  static boolean fitsLong(byte[] v, int at, int end) {
    boolean below = v[at] == '-';
    int digits = below ? end - at - 1 : end - at;
    if (digits != 19) {
      return digits < 19;
    }
    long most = Long.MAX_VALUE / 10;
    int last = below ? 8 : 7;
    long head = digitsToLong(v, end - 19, end - 1);
    return head < most || (head == most && v[end - 1] - '0' <= last);
  }

  /** The int of a JSON number that fits. */
  static long toLong(byte[] v, int at, int end) {
    return v[at] == '-' ? -digitsToLong(v, at + 1, end) : digitsToLong(v, at, end);
  }

  /** Digits that fit; -(2**63) without its sign comes out as itself. */
  static long digitsToLong(byte[] v, int at, int end) {
    long number = 0;
    while (at < end) {
      number = 10 * number + (v[at++] - '0');
    }
    return number;
  }

  /** The millionths of an amount: a JSON number, or one with leading zeros. NONE with more decimals, or from 10^12. */
  static long micros(byte[] v, int at, int end) {
    long plain = plainMicros(v, at, end);
    return plain == NONE ? anyMicros(v, at, end) : plain;
  }

  /** Of an amount without sign and exponent, with few digits; NONE for others. */
  private static long plainMicros(byte[] v, int at, int end) {
    long mantissa = 0;
    int point = end;
    for (int i = at; i < end; i++) {
      int digit = v[i] - '0';
      if (digit >= 0 && digit <= 9) {
        mantissa = 10 * mantissa + digit;
      } else if (v[i] == '.') {
        point = i;
      } else {
        return NONE;
      }
    }
    int decimals = point == end ? 0 : end - point - 1;
    return point - at <= 12 && decimals < MICROS.length ? mantissa * MICROS[decimals] : NONE;
  }

  private static long anyMicros(byte[] v, int at, int end) {
    boolean below = v[at] == '-';
    int from = below ? at + 1 : at;
    long mantissa = 0;
    int digits = 0;
    long exponent = 0;
    long zeros = 0;
    boolean fraction = false;
    int i = from;
    for (; i < end; i++) {
      byte b = v[i];
      if (b == '.') {
        fraction = true;
        continue;
      }
      if (!Json.isDigit(b)) {
        break;
      }
      if (fraction) {
        exponent--;
      }
      if (b == '0') {
        // zeros behind the last other digit count for nothing but the exponent
        zeros++;
        continue;
      }
      if (digits > 0) {
        digits += (int) Math.min(zeros, MONEY_DIGITS + 1);
      }
      digits++;
      if (digits > MONEY_DIGITS) {
        return NONE;
      }
      for (; zeros > 0 && mantissa != 0; zeros--) {
        mantissa *= 10;
      }
      zeros = 0;
      mantissa = 10 * mantissa + (b - '0');
    }
    if (mantissa == 0) {
      return 0;
    }
    exponent += zeros;
    if (i < end) {
      exponent += exponent(v, i + 1, end);
    }
    long shift = exponent + MONEY_DECIMALS;
    if (shift < 0 || digits + shift > MONEY_DIGITS) {
      return NONE;
    }
    for (; shift > 0; shift--) {
      mantissa *= 10;
    }
    return below ? -mantissa : mantissa;
  }

  /** An exponent, or one that is as far away as no mantissa reaches. */
  private static long exponent(byte[] v, int at, int end) {
    boolean below = v[at] == '-';
    if (below || v[at] == '+') {
      at++;
    }
    long exponent = 0;
    while (at < end) {
      exponent = Math.min(10 * exponent + (v[at++] - '0'), FAR);
    }
    return below ? -exponent : exponent;
  }

  /** The nearest double; -0.0 becomes 0.0, and what is too large infinite. */
  static double toDouble(byte[] v, int at, int end) {
    boolean below = v[at] == '-';
    long mantissa = 0;
    int digits = 0;
    long exponent = 0;
    boolean fraction = false;
    int i = below ? at + 1 : at;
    for (; i < end; i++) {
      byte b = v[i];
      if (b == '.') {
        fraction = true;
        continue;
      }
      if (!Json.isDigit(b)) {
        break;
      }
      if (digits > 0 || b != '0') {
        digits++;
      }
      if (digits > 18) {
        return slowly(v, at, end);
      }
      mantissa = 10 * mantissa + (b - '0');
      if (fraction) {
        exponent--;
      }
    }
    if (i < end) {
      exponent += exponent(v, i + 1, end);
    }
    if (mantissa == 0) {
      return 0.0;
    }
    // both factors are exact, so the one rounding is the right one
    if (mantissa > 1L << 53 || exponent < -22 || exponent > 22) {
      return slowly(v, at, end);
    }
    double number = exponent < 0 ? mantissa / TENS[(int) -exponent] : mantissa * TENS[(int) exponent];
    return below ? -number : number;
  }

  private static double slowly(byte[] v, int at, int end) {
    return Double.parseDouble(new String(v, at, end - at, StandardCharsets.ISO_8859_1)) + 0.0;
  }
}
