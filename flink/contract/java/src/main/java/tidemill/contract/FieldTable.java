package tidemill.contract;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a record must be, read from the text that flink/contract/table.py writes; the grammar stands there. Throws
 * IllegalArgumentException with the place of what it does not understand.
 */
public final class FieldTable {
  private final String text;
  private int at;
  private final List<Field> leaves = new ArrayList<>();

  final Field root = new Field();
  int maxBytes = Integer.MAX_VALUE;
  long maxFutureMs = -1;
  /** The column of the event time, by which a future event is told; -1 where there is none. */
  int timeColumn = -1;
  /** The address of the registry that has the records' schemas; null without one. */
  String registry;
  /** Of Avro records their one schema, empty where a registry has them; null of others. */
  String avro;
  /** Of Protobuf records their message and its place in its file; null of others. */
  MessageType message;
  long[] indexes;

  private FieldTable(String text) {
    this.text = text;
  }

  /** The table that is written so. */
  public static FieldTable of(String text) {
    FieldTable table = new FieldTable(text);
    table.read();
    return table;
  }

  /** The columns in their order, nested ones as a.b. */
  Field[] columns() {
    return leaves.toArray(new Field[0]);
  }

  private void read() {
    root.kind = Kind.OBJECT;
    while (!peek('"')) {
      setting(word());
      if (!take(',')) {
        throw mistake("a comma must follow a setting");
      }
    }
    children(root, "", "");
    if (at < text.length()) {
      throw mistake("nothing may follow the last field");
    }
    for (Field leaf : leaves) {
      if (leaf.kind.isTime()) {
        timeColumn = leaf.column;
      }
    }
  }

  private void setting(String name) {
    switch (name) {
      case "max_bytes" -> maxBytes = (int) Math.min(number(), Integer.MAX_VALUE);
      case "max_future" -> maxFutureMs = number();
      case "registry" -> registry = quoted();
      case "avro" -> avro = peek('"') ? quoted() : "";
      case "protobuf" -> {
        indexes = Arrays.stream(values()).mapToLong(each -> (Long) each).toArray();
        List<Object[]> messages = lists();
        List<Object[]> enums = lists();
        try {
          message = MessageTypes.of(messages, enums);
        } catch (ClassCastException | IndexOutOfBoundsException | ArithmeticException error) {
          throw mistake("its messages are no messages");
        }
      }
      default -> throw mistake("no setting is called " + name);
    }
  }

  private void children(Field parent, String names, String path) {
    List<Field> found = new ArrayList<>();
    parent.firstColumn = leaves.size();
    do {
      found.add(field(names, path));
    } while (take(','));
    parent.children = found.toArray(new Field[0]);
    parent.endColumn = leaves.size();
    parent.starts = new int[found.size()];
    parent.ends = new int[found.size()];
  }

  private Field field(String names, String path) {
    Field field = new Field();
    String name = quoted();
    field.name = names + name;
    field.kind = kind();
    String key = takeWord("key") ? quoted() : name;
    field.key = new Token(utf8(key));
    field.keyText = key;
    field.path = path + key;
    if (takeWord("former")) {
      field.former = Arrays.stream(values()).map(each -> TypedJudge.string((byte[]) each)).toArray(String[]::new);
    }
    field.nullOk = takeWord("null");
    field.mayLack = takeWord("absent");
    if (field.kind == Kind.OBJECT) {
      if (field.mayLack && !takeWord("null")) {
        field.absentLeaves = values();
      }
      expect('{');
      children(field, field.name + ".", field.path + ".");
      expect('}');
      if (field.absentLeaves != null && field.absentLeaves.length != field.endColumn - field.firstColumn) {
        throw mistake(field.name + " has another number of values where it is absent than fields");
      }
      return field;
    }
    if (field.mayLack) {
      field.absent = value();
    }
    field.column = leaves.size();
    leaves.add(field);
    limits(field);
    return field;
  }

  private void limits(Field field) {
    if (field.kind == Kind.TIME_FORM) {
      field.digitsPerMs = switch (word()) {
        case "s" -> -3;
        case "ms" -> 0;
        case "us" -> 3;
        case "ns" -> 6;
        default -> throw mistake("no unit of time");
      };
      if (takeWord("zone")) {
        field.zone = zone();
      }
    }
    if (takeWord("length")) {
      field.minLength = (int) Math.min(number(), Integer.MAX_VALUE);
      field.maxLength = take('*') ? Integer.MAX_VALUE : (int) Math.min(number(), Integer.MAX_VALUE);
    }
    if (takeWord("range")) {
      field.low = number();
      field.high = number();
    }
    while (takeWord("multiple")) {
      field.multiples = Arrays.copyOf(field.multiples, field.multiples.length + 1);
      field.multiples[field.multiples.length - 1] = number();
    }
    floatLimits(field);
    if (takeWord("in")) {
      Object[] choices = values();
      if (field.kind == Kind.INT) {
        field.intChoices = Arrays.stream(choices).mapToLong(each -> (Long) each).toArray();
      } else {
        field.textChoices = Arrays.stream(choices).map(each -> new Token((byte[]) each)).toArray(Token[]::new);
      }
    }
    if (takeWord("of")) {
      field.element = new Field();
      field.element.kind = kind();
      field.element.path = field.path;
      limits(field.element);
    }
  }

  private void floatLimits(Field field) {
    if (takeWord("ge")) {
      field.floatGe = fraction();
    }
    if (takeWord("gt")) {
      field.floatGt = fraction();
    }
    if (takeWord("le")) {
      field.floatLe = fraction();
    }
    if (takeWord("lt")) {
      field.floatLt = fraction();
    }
  }

  private List<Object[]> lists() {
    expect('{');
    List<Object[]> found = new ArrayList<>();
    while (!take('}')) {
      found.add(values());
    }
    return found;
  }

  private Zone zone() {
    Object[] numbers = values();
    long[] since = new long[numbers.length / 2];
    long[] offset = new long[numbers.length / 2];
    for (int i = 0; i < since.length; i++) {
      since[i] = (Long) numbers[2 * i] * 1_000;
      offset[i] = (Long) numbers[2 * i + 1] * 1_000;
    }
    return new Zone(since, offset);
  }

  private Kind kind() {
    String word = word();
    for (Kind kind : Kind.values()) {
      if (kind.name().toLowerCase(java.util.Locale.ROOT).equals(word)) {
        return kind;
      }
    }
    throw mistake("no kind is called " + word);
  }

  private Object[] values() {
    expect('(');
    List<Object> found = new ArrayList<>();
    while (!take(')')) {
      found.add(value());
    }
    return found.toArray();
  }

  /** A text as byte[], a whole number as Long, one with `#` before it as Double, true, false, null, or `[]`. */
  private Object value() {
    if (peek('"')) {
      return utf8(quoted());
    }
    if (take('#')) {
      return fraction();
    }
    if (take('[')) {
      expect(']');
      return new Object[0];
    }
    if (at < text.length() && Character.isLetter(text.charAt(at))) {
      String word = word();
      return switch (word) {
        case "true" -> Boolean.TRUE;
        case "false" -> Boolean.FALSE;
        case "null" -> null;
        default -> throw mistake("no value is called " + word);
      };
    }
    return number();
  }

  private String word() {
    int from = at;
    while (at < text.length() && (Character.isLetter(text.charAt(at)) || text.charAt(at) == '_')) {
      at++;
    }
    if (at == from) {
      throw mistake("a word is missing");
    }
    String found = text.substring(from, at);
    blanks();
    return found;
  }

  private boolean takeWord(String word) {
    int behind = at + word.length();
    if (!text.startsWith(word, at)
        || (behind < text.length() && (Character.isLetter(text.charAt(behind)) || text.charAt(behind) == '_'))) {
      return false;
    }
    at = behind;
    blanks();
    return true;
  }

  private long number() {
    String token = token();
    try {
      return Long.parseLong(token);
    } catch (NumberFormatException error) {
      throw mistake(token + " is no whole number");
    }
  }

  private double fraction() {
    String token = token();
    if (token.endsWith("inf")) {
      return token.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
    try {
      return new BigDecimal(token).doubleValue();
    } catch (NumberFormatException error) {
      throw mistake(token + " is no number");
    }
  }

  private String token() {
    int from = at;
    while (at < text.length() && " \n,(){}".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    String found = text.substring(from, at);
    blanks();
    return found;
  }

  private String quoted() {
    if (!peek('"')) {
      throw mistake("a text in double quotes is missing");
    }
    byte[] bytes = text.substring(at).getBytes(StandardCharsets.UTF_8);
    int behind = Json.string(bytes, 1, bytes.length);
    if (behind < 0) {
      throw mistake("this text does not end");
    }
    String raw = new String(bytes, 0, behind, StandardCharsets.UTF_8);
    at += raw.length();
    blanks();
    return new String(Canonical.text(bytes, 1, behind - 1), StandardCharsets.UTF_8);
  }

  private boolean peek(char wanted) {
    blanks();
    return at < text.length() && text.charAt(at) == wanted;
  }

  private boolean take(char wanted) {
    if (!peek(wanted)) {
      return false;
    }
    at++;
    blanks();
    return true;
  }

  private void expect(char wanted) {
    if (!take(wanted)) {
      throw mistake("a " + wanted + " is missing");
    }
  }

  private void blanks() {
    while (at < text.length() && (text.charAt(at) == ' ' || text.charAt(at) == '\n')) {
      at++;
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private IllegalArgumentException mistake(String what) {
    int to = Math.min(text.length(), at + 40);
    return new IllegalArgumentException(
        "field table: " + what + ", at character " + at + ": " + text.substring(at, to)
            + "; write it with flink/contract/table.py of the same version");
  }
}
