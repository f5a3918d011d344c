package tidemill.contract;

import java.util.Arrays;

/** What a field asks of a value, whatever form the value was written in. */
final class Rules {
  private Rules() {}

  /** Fills what a field that is not there holds; false where it must be there. */
  static boolean absent(Field field, Verdict into) {
    if (!field.mayLack) {
      into.refuse("missing_field", field.path);
      return false;
    }
    if (field.kind != Kind.OBJECT) {
      into.setValue(field.column, field.absent);
    } else if (field.absentLeaves == null) {
      setNull(field, into);
    } else {
      for (int i = 0; i < field.absentLeaves.length; i++) {
        into.setValue(field.firstColumn + i, field.absentLeaves[i]);
      }
    }
    return true;
  }

  /** Fills what a field that is null holds; false where it may not be. */
  static boolean isNull(Field field, Verdict into) {
    if (!field.nullOk) {
      into.refuse("missing_field", field.path);
      return false;
    }
    setNull(field, into);
    return true;
  }

  private static void setNull(Field field, Verdict into) {
    if (field.kind != Kind.OBJECT) {
      into.setNull(field.column);
      return;
    }
    for (int i = field.firstColumn; i < field.endColumn; i++) {
      into.setNull(i);
    }
  }

  /** Whether a float is finite and within its limits. */
  static boolean takes(Field field, double number) {
    return number - number == 0 && field.takes(number);
  }

  /** Whether a text is a choice or as long as it may be. */
  static boolean takes(Field field, byte[] text, int at, int end) {
    if (field.textChoices != null) {
      return isChoice(field.textChoices, text, at, end);
    }
    // a code point has a byte at least, so few bytes are not too many of them
    if (end - at <= field.maxLength && (field.minLength == 0 || (field.minLength == 1 && at < end))) {
      return true;
    }
    return field.takesLength(Utf8.codePoints(text, at, end));
  }

  private static boolean isChoice(Token[] choices, byte[] text, int at, int end) {
    // a text of its own has no quote behind it
    boolean isQuoted = end < text.length && text[end] == '"';
    for (Token choice : choices) {
      if (choice.text.length == end - at
          && (isQuoted ? choice.isAt(text, at) : Arrays.equals(choice.text, 0, end - at, text, at, end))) {
        return true;
      }
    }
    return false;
  }

  /** What an amount, a day or a time as text stands for; {@link Numbers#NONE} where the field does not take it. */
  static long ofText(Field field, byte[] text, int at, int end) {
    long number =
        switch (field.kind) {
          case MONEY_TEXT -> amount(text, at, end);
          case DATE -> Times.day(text, at, end);
          case TIME_TEXT -> Times.text(text, at, end);
          // its range is that of the time, which is judged there
          default -> Times.form(field, text, at, end);
        };
    return field.kind == Kind.TIME_FORM || number == Numbers.NONE || field.takes(number) ? number : Numbers.NONE;
  }

  /** A sign or none, digits, decimals or none. */
  private static long amount(byte[] text, int at, int end) {
    int digits = at < end && (text[at] == '-' || text[at] == '+') ? at + 1 : at;
    int behind = Json.digits(text, digits, end);
    if (behind == digits) {
      return Numbers.NONE;
    }
    if (behind < end) {
      if (text[behind] != '.' || behind + 1 == end || Json.digits(text, behind + 1, end) != end) {
        return Numbers.NONE;
      }
    }
    return Numbers.micros(text, text[at] == '+' ? digits : at, end);
  }

  /** The ms of an event time in the field's unit; {@link Numbers#NONE} where the field does not take it. */
  static long ticks(Field field, long number) {
    if (!field.takes(number)) {
      return Numbers.NONE;
    }
    long ms =
        switch (field.kind) {
          case TIME_S -> number > Times.LIMIT_MS || number < -Times.LIMIT_MS ? Numbers.NONE : number * 1_000;
          case TIME_US -> Math.floorDiv(number, 1_000L);
          case TIME_NS -> Math.floorDiv(number, 1_000_000L);
          default -> number;
        };
    return near(ms);
  }

  /** An event time, or NONE further away from 1970 than any is. */
  static long near(long ms) {
    return ms > Times.LIMIT_MS || ms < -Times.LIMIT_MS ? Numbers.NONE : ms;
  }
}
