package tidemill.contract;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON in one canonical form, so that equal objects are equal texts however a producer wrote them. */
final class Canonical {
  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  private byte[] out;
  private int size;

  private Canonical(int capacity) {
    out = new byte[Math.max(capacity, 16)];
  }

  /**
   * The text of the JSON value in [at, end), which is well formed and has no blanks around it. Members stand in the
   * order of their keys' code points, of a repeated key the last one; no blanks; of escapes only those that JSON
   * demands; numbers as they were written.
   */
  static byte[] of(byte[] v, int at, int end) {
    Canonical text = new Canonical(end - at);
    text.value(v, at, end);
    return Arrays.copyOf(text.out, text.size);
  }

  /** The same of a map by names, and of all that is in it: a text as byte[], whole numbers, doubles, lists, maps. */
  static byte[] of(Map<?, ?> members) {
    Canonical text = new Canonical(16 * members.size());
    text.made(members);
    return Arrays.copyOf(text.out, text.size);
  }

  /** A JSON string of UTF-8. */
  static byte[] quoted(byte[] text) {
    Canonical made = new Canonical(text.length + 2);
    made.string(text);
    return Arrays.copyOf(made.out, made.size);
  }

  /** The members of an object that is well formed: keys in the order in which each was first seen, its last value. */
  static Map<String, long[]> members(byte[] v, int at, int end) {
    Map<String, long[]> found = new LinkedHashMap<>();
    at = Json.blanks(v, at + 1, end);
    while (v[at] != '}') {
      int inside = at + 1;
      int behind = Json.string(v, inside, end);
      String key = new String(text(v, inside, behind - 1), StandardCharsets.UTF_8);
      int from = Json.blanks(v, Json.blanks(v, behind, end) + 1, end);
      int to = Json.value(v, from, end, 0);
      found.put(key, new long[] {from, to});
      at = Json.blanks(v, to, end);
      if (v[at] == ',') {
        at = Json.blanks(v, at + 1, end);
      }
    }
    return found;
  }

  /** The meaning of a string's inside. */
  static byte[] text(byte[] v, int at, int end) {
    return Utf8.hasEscape(v, at, end) ? Utf8.unescaped(v, at, end) : Arrays.copyOfRange(v, at, end);
  }

  private void value(byte[] v, int at, int end) {
    switch (v[at]) {
      case '{' -> object(v, at, end);
      case '[' -> array(v, at, end);
      case '"' -> string(text(v, at + 1, end - 1));
      default -> {
        room(end - at);
        System.arraycopy(v, at, out, size, end - at);
        size += end - at;
      }
    }
  }

  private void made(Object value) {
    if (value instanceof Map<?, ?> members) {
      byte[][] keys = keys(members);
      put('{');
      for (int i = 0; i < keys.length; i++) {
        if (i > 0) {
          put(',');
        }
        string(keys[i]);
        put(':');
        made(members.get(new String(keys[i], StandardCharsets.UTF_8)));
      }
      put('}');
    } else if (value instanceof List<?> values) {
      put('[');
      for (int i = 0; i < values.size(); i++) {
        if (i > 0) {
          put(',');
        }
        made(values.get(i));
      }
      put(']');
    } else if (value instanceof byte[] text) {
      string(text);
    } else {
      String told =
          value == Typed.NULL ? "null" : value instanceof Double number ? Decimals.json(number) : value.toString();
      for (int i = 0; i < told.length(); i++) {
        put(told.charAt(i));
      }
    }
  }

  /** Of a map by names, in the order of code points. */
  private static byte[][] keys(Map<?, ?> members) {
    byte[][] keys = new byte[members.size()][];
    int count = 0;
    for (Object key : members.keySet()) {
      keys[count++] = ((String) key).getBytes(StandardCharsets.UTF_8);
    }
    Arrays.sort(keys, Arrays::compareUnsigned);
    return keys;
  }

  private void object(byte[] v, int at, int end) {
    Map<String, long[]> members = members(v, at, end);
    byte[][] keys = keys(members);
    put('{');
    for (int i = 0; i < keys.length; i++) {
      if (i > 0) {
        put(',');
      }
      string(keys[i]);
      put(':');
      long[] span = members.get(new String(keys[i], StandardCharsets.UTF_8));
      value(v, (int) span[0], (int) span[1]);
    }
    put('}');
  }

  private void array(byte[] v, int at, int end) {
    put('[');
    at = Json.blanks(v, at + 1, end);
    while (v[at] != ']') {
      int to = Json.value(v, at, end, 0);
      value(v, at, to);
      at = Json.blanks(v, to, end);
      if (v[at] == ',') {
        put(',');
        at = Json.blanks(v, at + 1, end);
      }
    }
    put(']');
  }

  private void string(byte[] text) {
    room(6 * text.length + 2);
    out[size++] = '"';
    for (byte b : text) {
      switch (b) {
        case '"', '\\' -> escaped(b);
        case '\b' -> escaped('b');
        case '\t' -> escaped('t');
        case '\n' -> escaped('n');
        case '\f' -> escaped('f');
        case '\r' -> escaped('r');
        default -> {
          if (b >= 0 && b < ' ') {
            escaped('u');
            out[size++] = '0';
            out[size++] = '0';
            out[size++] = HEX[b >> 4];
            out[size++] = HEX[b & 15];
          } else {
            out[size++] = b;
          }
        }
      }
    }
    out[size++] = '"';
  }

  private void escaped(int b) {
    out[size++] = '\\';
    out[size++] = (byte) b;
  }

  private void put(int b) {
    room(1);
    out[size++] = (byte) b;
  }

  private void room(int more) {
    if (size + more > out.length) {
      out = Arrays.copyOf(out, Math.max(2 * out.length, size + more));
    }
  }
}
