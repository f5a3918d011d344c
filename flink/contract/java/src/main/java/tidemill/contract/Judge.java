package tidemill.contract;

import java.util.Arrays;
import java.util.Map;

/**
 * Judges records by a field table: each becomes an event or has the first reason that applies, as dataflow/decode says.
 * One instance serves one thread.
 */
public final class Judge {
  /** No record timestamp. */
  public static final long NO_TIMESTAMP = Long.MIN_VALUE;

  private final FieldTable table;
  private final int columns;
  /** Reads what is no JSON. */
  private final Bodies bodies;
  private final TypedJudge typed = new TypedJudge();
  private byte[] v;
  /** Whether there is a backslash in the record at all. */
  private boolean escapes;
  private Verdict into;

  /** One that judges by this table. */
  public Judge(FieldTable table) {
    this.table = table;
    columns = table.columns().length;
    bodies = Bodies.of(table);
  }

  /** How many columns a verdict has to hold. */
  public int columns() {
    return columns;
  }

  /**
   * Fills a fresh `verdict` with what a record's value is; null is a tombstone. The timestamp is in ms since 1970. The
   * header is that which names a registry's schema in the newer form; null without one.
   */
  public void judge(byte[] value, long timestampMs, byte[] header, Verdict verdict) {
    v = value;
    into = verdict;
    verdict.record = value;
    if (value == null) {
      verdict.refuse("tombstone", null);
      return;
    }
    if (value.length == 0) {
      verdict.refuse("empty", null);
      return;
    }
    if (value.length > table.maxBytes) {
      verdict.refuse("too_large", null);
      return;
    }
    boolean isEvent = bodies == null ? isJsonEvent(value) : isTypedEvent(value, header);
    if (isEvent && isFuture(timestampMs)) {
      verdict.refuse("future_event", table.columns()[table.timeColumn].name);
    }
  }

  private boolean isTypedEvent(byte[] value, byte[] header) {
    Object found = bodies.read(value, header);
    if (found instanceof String reason) {
      return refuse(reason, null);
    }
    return typed.judge(table.root, Bodies.fields(found), into);
  }

  private boolean isJsonEvent(byte[] value) {
    // no JSON begins as what a schema registry's serializer puts before a record
    int at = Frame.bodyAt(value);
    int end = value.length;
    if (at == end) {
      return refuse("empty", null);
    }
    if (!Utf8.isValid(value, at, end)) {
      return refuse("invalid_utf8", null);
    }
    escapes = Utf8.hasEscape(value, at, end);
    at = Json.blanks(value, at, end);
    boolean isObject = at < end && value[at] == '{';
    int behind = isObject ? members(table.root, at, end, 1) : Json.value(value, at, end, 0);
    if (behind < 0 || Json.blanks(value, behind, end) != end) {
      return refuse("malformed", null);
    }
    return isObject ? object(table.root) : refuse("not_object", null);
  }

  private boolean isFuture(long timestampMs) {
    if (table.maxFutureMs < 0 || timestampMs == NO_TIMESTAMP) {
      return false;
    }
    long limit = Math.min(timestampMs, Long.MAX_VALUE - table.maxFutureMs) + table.maxFutureMs;
    return into.slots[table.timeColumn] > limit;
  }

  /** Notes where the values of an object's fields stand; behind the object that begins at `at`, or -1. */
  private int members(Field node, int at, int end, int depth) {
    int[] starts = node.starts;
    Arrays.fill(starts, -1);
    byte[] bytes = v;
    int next = 0;
    at = Json.blanks(bytes, at + 1, end);
    if (at < end && bytes[at] == '}') {
      return at + 1;
    }
    while (true) {
      if (at >= end || bytes[at] != '"') {
        return -1;
      }
      int key = at + 1;
      int child = -1;
      if (next < node.children.length && node.children[next].key.isAt(bytes, key)) {
        // producers mostly write keys in one order, and one that is known needs no reading
        child = next;
        at = key + node.children[next].key.text.length + 1;
      } else {
        at = Json.string(bytes, key, end);
        if (at < 0) {
          return -1;
        }
        child = find(node.children, key, at - 1);
      }
      at = Json.blanks(bytes, at, end);
      if (at >= end || bytes[at] != ':') {
        return -1;
      }
      int from = Json.blanks(bytes, at + 1, end);
      at = Json.value(bytes, from, end, depth);
      if (at < 0) {
        return -1;
      }
      if (child >= 0) {
        starts[child] = from;
        node.ends[child] = at;
        next = child + 1;
      }
      at = Json.blanks(bytes, at, end);
      if (at >= end) {
        return -1;
      }
      if (bytes[at] == '}') {
        return at + 1;
      }
      if (bytes[at] != ',') {
        return -1;
      }
      at = Json.blanks(bytes, at + 1, end);
    }
  }

  /** The field with this key, or -1. */
  private int find(Field[] children, int at, int end) {
    for (int i = 0; i < children.length; i++) {
      if (children[i].key.isAt(v, at)) {
        return i;
      }
    }
    if (!escapes || !Utf8.hasEscape(v, at, end)) {
      return -1;
    }
    byte[] key = Utf8.unescaped(v, at, end);
    for (int i = 0; i < children.length; i++) {
      if (Arrays.equals(children[i].key.text, key)) {
        return i;
      }
    }
    return -1;
  }

  /** Judges an object's fields in the model's order; whether none is refused. */
  private boolean object(Field node) {
    Field[] children = node.children;
    for (int i = 0; i < children.length; i++) {
      Field child = children[i];
      int at = node.starts[i];
      boolean good;
      if (at < 0) {
        good = Rules.absent(child, into);
      } else if (v[at] == 'n') {
        good = Rules.isNull(child, into);
      } else if (child.kind == Kind.OBJECT) {
        good = nested(child, at, node.ends[i]);
      } else {
        good = leaf(child, at, node.ends[i]);
      }
      if (!good) {
        return false;
      }
    }
    return true;
  }

  private boolean nested(Field node, int at, int end) {
    if (v[at] != '{') {
      return refuse("wrong_type", node.path);
    }
    members(node, at, end, 1);
    return object(node);
  }

  private boolean refuse(String reason, String path) {
    into.refuse(reason, path);
    return false;
  }

  private boolean leaf(Field field, int at, int end) {
    switch (field.kind) {
      case STR:
        return text(field, at, end);
      case LIST:
        return list(field, at, end);
      case JSON:
        return json(field, at, end);
      case FLOAT:
        if (!isNumber(at)) {
          return refuse("wrong_type", field.path);
        }
        double fraction = Numbers.toDouble(v, at, end);
        into.slots[field.column] = Double.doubleToRawLongBits(fraction);
        return Rules.takes(field, fraction) || refuse("constraint", field.path);
      default:
        String reason = whole(field, at, end);
        into.slots[field.column] = number;
        return reason == null || refuse(reason, field.path);
    }
  }

  private boolean isNumber(int at) {
    return v[at] == '-' || Json.isDigit(v[at]);
  }

  /** What {@link #whole} read. */
  private long number;

  /** Reads what becomes a whole number into `number`: the reason against it, or null. */
  private String whole(Field field, int at, int end) {
    switch (field.kind) {
      case BOOL:
        number = v[at] == 't' ? 1 : 0;
        return v[at] == 't' || v[at] == 'f' ? null : "wrong_type";
      case INT, TIME_S, TIME_MS, TIME_US, TIME_NS:
        return ticks(field, at, end);
      case MONEY:
        if (!isNumber(at)) {
          return "wrong_type";
        }
        number = Numbers.micros(v, at, end);
        break;
      default:
        return wholeOfText(field, at, end);
    }
    return number != Numbers.NONE && field.takes(number) ? null : "constraint";
  }

  private String ticks(Field field, int at, int end) {
    if (!isNumber(at)) {
      return "wrong_type";
    }
    if (!isShortInt(at, end)) {
      if (!Numbers.isInt(v, at, end)) {
        return "wrong_type";
      }
      if (!Numbers.fitsLong(v, at, end)) {
        return "constraint";
      }
      number = Numbers.toLong(v, at, end);
    }
    if (field.kind == Kind.INT) {
      return field.takes(number) ? null : "constraint";
    }
    number = Rules.ticks(field, number);
    return number == Numbers.NONE ? "constraint" : null;
  }

  /** Reads an int without sign that fits for its few digits into `number`; false for all other numbers. */
  private boolean isShortInt(int at, int end) {
    if (end - at > 18) {
      return false;
    }
    long read = 0;
    for (; at < end; at++) {
      int digit = v[at] - '0';
      if (digit < 0 || digit > 9) {
        return false;
      }
      read = 10 * read + digit;
    }
    number = read;
    return true;
  }

  private String wholeOfText(Field field, int at, int end) {
    if (v[at] != '"') {
      return "wrong_type";
    }
    byte[] text = v;
    int from = at + 1;
    int to = end - 1;
    if (escapes && Utf8.hasEscape(v, from, to)) {
      text = Utf8.unescaped(v, from, to);
      from = 0;
      to = text.length;
    }
    number = Rules.ofText(field, text, from, to);
    return number == Numbers.NONE ? "constraint" : null;
  }

  private boolean text(Field field, int at, int end) {
    if (v[at] != '"') {
      return refuse("wrong_type", field.path);
    }
    int from = at + 1;
    int to = end - 1;
    if (!escapes || !Utf8.hasEscape(v, from, to)) {
      into.setText(field.column, from, to);
      return Rules.takes(field, v, from, to) || refuse("constraint", field.path);
    }
    byte[] text = Utf8.unescaped(v, from, to);
    into.setObject(field.column, text);
    return Rules.takes(field, text, 0, text.length) || refuse("constraint", field.path);
  }

  private boolean list(Field field, int at, int end) {
    if (v[at] != '[') {
      return refuse("wrong_type", field.path);
    }
    int[] spans = new int[16];
    int count = 0;
    at = Json.blanks(v, at + 1, end);
    while (v[at] != ']') {
      if (2 * count == spans.length) {
        spans = Arrays.copyOf(spans, 2 * spans.length);
      }
      spans[2 * count] = at;
      at = Json.value(v, at, end, 0);
      spans[2 * count++ + 1] = at;
      at = Json.blanks(v, at, end);
      if (v[at] == ',') {
        at = Json.blanks(v, at + 1, end);
      }
    }
    if (!field.takesLength(count)) {
      return refuse("constraint", field.path);
    }
    Object[] values = new Object[count];
    for (int i = 0; i < count; i++) {
      String reason = element(field.element, spans[2 * i], spans[2 * i + 1]);
      if (reason != null) {
        return refuse(reason, field.path + "." + i);
      }
      values[i] = found;
    }
    into.setObject(field.column, values);
    return true;
  }

  /** What {@link #element} read. */
  private Object found;

  private String element(Field element, int at, int end) {
    if (v[at] == 'n') {
      return "missing_field";
    }
    switch (element.kind) {
      case STR:
        if (v[at] != '"') {
          return "wrong_type";
        }
        byte[] text = Canonical.text(v, at + 1, end - 1);
        found = text;
        return Rules.takes(element, text, 0, text.length) ? null : "constraint";
      case FLOAT:
        if (!isNumber(at)) {
          return "wrong_type";
        }
        double fraction = Numbers.toDouble(v, at, end);
        found = fraction;
        return Rules.takes(element, fraction) ? null : "constraint";
      default:
        String reason = whole(element, at, end);
        if (element.kind == Kind.BOOL) {
          found = number == 1;
        } else {
          found = number;
        }
        return reason;
    }
  }

  private boolean json(Field field, int at, int end) {
    if (v[at] != '{') {
      return refuse("wrong_type", field.path);
    }
    if (field.element != null || field.minLength > 0 || field.maxLength < Integer.MAX_VALUE) {
      Map<String, long[]> members = Canonical.members(v, at, end);
      if (!field.takesLength(members.size())) {
        return refuse("constraint", field.path);
      }
      if (field.element != null) {
        for (Map.Entry<String, long[]> member : members.entrySet()) {
          String reason = element(field.element, (int) member.getValue()[0], (int) member.getValue()[1]);
          if (reason != null) {
            return refuse(reason, field.path + "." + member.getKey());
          }
        }
      }
    }
    into.setObject(field.column, Canonical.of(v, at, end));
    return true;
  }
}
