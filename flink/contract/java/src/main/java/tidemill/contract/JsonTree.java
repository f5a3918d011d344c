package tidemill.contract;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A JSON text as objects: Map, List, String, Boolean, Long or BigInteger, Double, and NULL. Of a schema, not of a record. */
final class JsonTree {
  /** A null. */
  static final Object NULL = new Object();

  private static final int MAX_DEPTH = 900;

  private final String text;
  private int at;

  private JsonTree(String text) {
    this.text = text;
  }

  /** What a text says; null where it is no JSON. */
  static Object of(String text) {
    JsonTree tree = new JsonTree(text);
    try {
      tree.blanks();
      Object found = tree.value(0);
      tree.blanks();
      return tree.at == text.length() ? found : null;
    } catch (IllegalArgumentException | IndexOutOfBoundsException noJson) {
      return null;
    }
  }

  private Object value(int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException("too deep");
    }
    switch (text.charAt(at)) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      default:
        for (Map.Entry<String, Object> word : WORDS.entrySet()) {
          if (text.startsWith(word.getKey(), at)) {
            at += word.getKey().length();
            return word.getValue();
          }
        }
        return number();
    }
  }

  private static final Map<String, Object> WORDS =
      Map.of(
          "true", Boolean.TRUE,
          "false", Boolean.FALSE,
          "null", NULL,
          "NaN", Double.NaN,
          "Infinity", Double.POSITIVE_INFINITY,
          "-Infinity", Double.NEGATIVE_INFINITY);

  private Map<String, Object> object(int depth) {
    Map<String, Object> found = new LinkedHashMap<>();
    at++;
    blanks();
    if (take('}')) {
      return found;
    }
    do {
      blanks();
      String key = string();
      blanks();
      expect(':');
      blanks();
      found.put(key, value(depth + 1));
      blanks();
    } while (take(','));
    expect('}');
    return found;
  }

  private List<Object> array(int depth) {
    List<Object> found = new ArrayList<>();
    at++;
    blanks();
    if (take(']')) {
      return found;
    }
    do {
      blanks();
      found.add(value(depth + 1));
      blanks();
    } while (take(','));
    expect(']');
    return found;
  }

  private String string() {
    expect('"');
    StringBuilder found = new StringBuilder();
    while (true) {
      char next = text.charAt(at++);
      if (next == '"') {
        return found.toString();
      }
      if (next < ' ') {
        throw new IllegalArgumentException("a control character");
      }
      found.append(next == '\\' ? escaped() : next);
    }
  }

  private char escaped() {
    char next = text.charAt(at++);
    switch (next) {
      case '"', '\\', '/':
        return next;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        at += 4;
        int unit = 0;
        for (char digit : text.substring(at - 4, at).toCharArray()) {
          int worth = digit < 0x80 ? Character.digit(digit, 16) : -1;
          if (worth < 0) {
            throw new IllegalArgumentException("no hex digit");
          }
          unit = unit << 4 | worth;
        }
        return (char) unit;
      default:
        throw new IllegalArgumentException("no escape");
    }
  }

  private Object number() {
    int from = at;
    take('-');
    if (!take('0')) {
      digits();
    }
    boolean whole = true;
    if (take('.')) {
      whole = false;
      digits();
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) {
        take('-');
      }
      digits();
    }
    String token = text.substring(from, at);
    if (!whole) {
      return Double.valueOf(token);
    }
    BigInteger number = new BigInteger(token);
    return number.bitLength() < Long.SIZE ? (Object) number.longValue() : number;
  }

  private void digits() {
    int from = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    if (at == from) {
      throw new IllegalArgumentException("no digit");
    }
  }

  private void blanks() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private boolean take(char wanted) {
    if (at >= text.length() || text.charAt(at) != wanted) {
      return false;
    }
    at++;
    return true;
  }

  private void expect(char wanted) {
    if (!take(wanted)) {
      throw new IllegalArgumentException("a " + wanted + " is missing");
    }
  }
}
