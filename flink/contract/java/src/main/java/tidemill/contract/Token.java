package tidemill.contract;

import java.util.Arrays;

/** A text that is looked for in front of a quote, eight bytes at a time. */
final class Token {
  final byte[] text;
  private final long[] words;
  /** Of the last word, the bits that count. */
  private final long last;

  Token(byte[] text) {
    this.text = text;
    int length = text.length + 1;
    words = new long[(length + 7) / 8];
    byte[] padded = Arrays.copyOf(text, 8 * words.length);
    padded[text.length] = '"';
    for (int i = 0; i < words.length; i++) {
      words[i] = (long) Json.EIGHT.get(padded, 8 * i);
    }
    last = -1L >>> 8 * (8 * words.length - length);
  }

  /** Whether the inside of a string begins at `at` and is this text, written without escapes. */
  boolean isAt(byte[] v, int at) {
    int end = words.length - 1;
    if (at + 8 * words.length > v.length) {
      int behind = at + text.length;
      return behind < v.length && v[behind] == '"' && Arrays.equals(text, 0, text.length, v, at, behind);
    }
    for (int i = 0; i < end; i++) {
      if ((long) Json.EIGHT.get(v, at + 8 * i) != words[i]) {
        return false;
      }
    }
    return (((long) Json.EIGHT.get(v, at + 8 * end) ^ words[end]) & last) == 0;
  }
}
