package tidemill.contract;

/** Bytes as UTF-8: whether they are, how many code points they hold, and what a JSON string means in them. */
final class Utf8 {
  private Utf8() {}

  /** Whether they are strict UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
  static boolean isValid(byte[] v, int at, int end) {
    while (at + 8 <= end && ((long) Json.EIGHT.get(v, at) & Json.HIGH_BITS) == 0) {
      at += 8;
    }
    while (at < end) {
      int b = v[at++];
      if (b >= 0) {
        continue;
      }
      b &= 0xff;
      if (b < 0xc2 || b > 0xf4) {
        return false;
      }
      int more = b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
      if (at + more > end) {
        return false;
      }
      int second = v[at] & 0xff;
      int least = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
      int most = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
      if (second < least || second > most) {
        return false;
      }
      for (int i = 1; i < more; i++) {
        if ((v[at + i] & 0xc0) != 0x80) {
          return false;
        }
      }
      at += more;
    }
    return true;
  }

  static int codePoints(byte[] v, int at, int end) {
    int count = 0;
    while (at < end) {
      if ((v[at++] & 0xc0) != 0x80) {
        count++;
      }
    }
    return count;
  }

  static boolean hasEscape(byte[] v, int at, int end) {
    for (; at + 8 <= end; at += 8) {
      long slashes = (long) Json.EIGHT.get(v, at) ^ Json.SLASHES;
      if ((slashes - Json.ONES & ~slashes & Json.HIGH_BITS) != 0) {
        return true;
      }
    }
    while (at < end) {
      if (v[at++] == '\\') {
        return true;
      }
    }
    return false;
  }

  /** What the inside of a JSON string that is well formed means. */
  static byte[] unescaped(byte[] v, int at, int end) {
    byte[] out = new byte[end - at];
    int to = 0;
    while (at < end) {
      byte b = v[at++];
      if (b != '\\') {
        out[to++] = b;
        continue;
      }
      b = v[at++];
      switch (b) {
        case 'b' -> out[to++] = '\b';
        case 'f' -> out[to++] = '\f';
        case 'n' -> out[to++] = '\n';
        case 'r' -> out[to++] = '\r';
        case 't' -> out[to++] = '\t';
        case 'u' -> {
          int unit = Json.hex(v, at, end);
          at += 4;
          if (unit >= 0xd800 && unit < 0xe000) {
            unit = Character.toCodePoint((char) unit, (char) Json.hex(v, at + 2, end));
            at += 6;
          }
          to = put(out, to, unit);
        }
        default -> out[to++] = b;
      }
    }
    return java.util.Arrays.copyOf(out, to);
  }

  private static int put(byte[] out, int to, int point) {
    if (point < 0x80) {
      out[to++] = (byte) point;
    } else if (point < 0x800) {
      out[to++] = (byte) (0xc0 | point >> 6);
      out[to++] = (byte) (0x80 | point & 0x3f);
    } else if (point < 0x10000) {
      out[to++] = (byte) (0xe0 | point >> 12);
      out[to++] = (byte) (0x80 | point >> 6 & 0x3f);
      out[to++] = (byte) (0x80 | point & 0x3f);
    } else {
      out[to++] = (byte) (0xf0 | point >> 18);
      out[to++] = (byte) (0x80 | point >> 12 & 0x3f);
      out[to++] = (byte) (0x80 | point >> 6 & 0x3f);
      out[to++] = (byte) (0x80 | point & 0x3f);
    }
    return to;
  }
}
