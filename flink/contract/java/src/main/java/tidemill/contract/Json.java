package tidemill.contract;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Strict JSON in bytes that are UTF-8: where a value ends, and -1 where it is none. */
final class Json {
  /** Objects and arrays may be nested this deep, the record's own object included. */
  static final int MAX_DEPTH = 64;

  /** Eight bytes of an array at once, the first of them lowest. */
  static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  static final long ONES = 0x0101010101010101L;
  static final long HIGH_BITS = 0x80 * ONES;
  static final long SLASHES = '\\' * ONES;

  private static final long QUOTES = '"' * ONES;
  private static final long BLANKS = ' ' * ONES;

  private Json() {}

  /** The first place from `at` on that is no blank, or `end`. */
  static int blanks(byte[] v, int at, int end) {
    while (at < end) {
      byte b = v[at];
      if (b > ' ' || (b != ' ' && b != '\n' && b != '\r' && b != '\t')) {
        return at;
      }
      at++;
    }
    return at;
  }

  /** Behind the value that begins at `at`, which stands in `depth` objects and arrays; -1 where there is none. */
  static int value(byte[] v, int at, int end, int depth) {
    if (at >= end) {
      return -1;
    }
    switch (v[at]) {
      case '"':
        return string(v, at + 1, end);
      case '{':
        return depth < MAX_DEPTH ? object(v, at + 1, end, depth + 1) : -1;
      case '[':
        return depth < MAX_DEPTH ? array(v, at + 1, end, depth + 1) : -1;
      case 't':
        return at + 4 <= end && v[at + 1] == 'r' && v[at + 2] == 'u' && v[at + 3] == 'e' ? at + 4 : -1;
      case 'f':
        return at + 5 <= end && v[at + 1] == 'a' && v[at + 2] == 'l' && v[at + 3] == 's' && v[at + 4] == 'e'
            ? at + 5
            : -1;
      case 'n':
        return at + 4 <= end && v[at + 1] == 'u' && v[at + 2] == 'l' && v[at + 3] == 'l' ? at + 4 : -1;
      default:
        return number(v, at, end);
    }
  }

  private static int object(byte[] v, int at, int end, int depth) {
    at = blanks(v, at, end);
    if (at < end && v[at] == '}') {
      return at + 1;
    }
    while (true) {
      if (at >= end || v[at] != '"') {
        return -1;
      }
      at = string(v, at + 1, end);
      if (at < 0) {
        return -1;
      }
      at = blanks(v, at, end);
      if (at >= end || v[at] != ':') {
        return -1;
      }
      at = value(v, blanks(v, at + 1, end), end, depth);
      if (at < 0) {
        return -1;
      }
      at = blanks(v, at, end);
      if (at >= end) {
        return -1;
      }
      if (v[at] == '}') {
        return at + 1;
      }
      if (v[at] != ',') {
        return -1;
      }
      at = blanks(v, at + 1, end);
    }
  }

  private static int array(byte[] v, int at, int end, int depth) {
    at = blanks(v, at, end);
    if (at < end && v[at] == ']') {
      return at + 1;
    }
    while (true) {
      at = value(v, at, end, depth);
      if (at < 0) {
        return -1;
      }
      at = blanks(v, at, end);
      if (at >= end) {
        return -1;
      }
      if (v[at] == ']') {
        return at + 1;
      }
      if (v[at] != ',') {
        return -1;
      }
      at = blanks(v, at + 1, end);
    }
  }

  /** Behind the closing quote of the string whose inside begins at `at`. */
  static int string(byte[] v, int at, int end) {
    while (true) {
      at = plain(v, at, end);
      if (at >= end) {
        return -1;
      }
      byte b = v[at++];
      if (b == '"') {
        return at;
      }
      if (b != '\\') {
        return -1;
      }
      at = escape(v, at, end);
      if (at < 0) {
        return -1;
      }
    }
  }

  /** The first quote, backslash or control character from `at` on, or `end`. */
  private static int plain(byte[] v, int at, int end) {
    while (at + 8 <= end) {
      long eight = (long) EIGHT.get(v, at);
      long quotes = eight ^ QUOTES;
      long slashes = eight ^ SLASHES;
      // the lowest bit that is set is always right; those above it may be borrowed
      long hits = ((quotes - ONES & ~quotes) | (slashes - ONES & ~slashes) | (eight - BLANKS & ~eight)) & HIGH_BITS;
      if (hits != 0) {
        return at + (Long.numberOfTrailingZeros(hits) >>> 3);
      }
      at += 8;
    }
    while (at < end && v[at] != '"' && v[at] != '\\' && (v[at] < 0 || v[at] >= ' ')) {
      at++;
    }
    return at;
  }

  private static int escape(byte[] v, int at, int end) {
    if (at >= end) {
      return -1;
    }
    switch (v[at++]) {
      case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
        return at;
      case 'u':
        int unit = hex(v, at, end);
        if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000)) {
          return -1;
        }
        at += 4;
        if (unit < 0xd800 || unit >= 0xe000) {
          return at;
        }
        if (at + 2 > end || v[at] != '\\' || v[at + 1] != 'u') {
          return -1;
        }
        int low = hex(v, at + 2, end);
        return low >= 0xdc00 && low < 0xe000 ? at + 6 : -1;
      default:
        return -1;
    }
  }

  /** The four hex digits at `at`; -1 where they are none. */
  static int hex(byte[] v, int at, int end) {
    if (at + 4 > end) {
      return -1;
    }
    int unit = 0;
    for (int i = at; i < at + 4; i++) {
      int digit = v[i] < 0 ? -1 : Character.digit(v[i], 16);
      if (digit < 0) {
        return -1;
      }
      unit = unit << 4 | digit;
    }
    return unit;
  }

  private static int number(byte[] v, int at, int end) {
    if (v[at] == '-') {
      at++;
    }
    if (at >= end || !isDigit(v[at])) {
      return -1;
    }
    if (v[at++] != '0') {
      at = digits(v, at, end);
    } else if (at < end && isDigit(v[at])) {
      return -1;
    }
    if (at < end && v[at] == '.') {
      int from = at + 1;
      at = digits(v, from, end);
      if (at == from) {
        return -1;
      }
    }
    if (at < end && (v[at] == 'e' || v[at] == 'E')) {
      at++;
      if (at < end && (v[at] == '+' || v[at] == '-')) {
        at++;
      }
      int from = at;
      at = digits(v, from, end);
      if (at == from) {
        return -1;
      }
    }
    return at;
  }

  /** Behind the digits at `at`. */
  static int digits(byte[] v, int at, int end) {
    while (at < end && isDigit(v[at])) {
      at++;
    }
    return at;
  }

  static boolean isDigit(byte b) {
    return b >= '0' && b <= '9';
  }
}
