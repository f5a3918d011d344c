package tidemill.contract;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Judges framed records of standard input by the field table that is its argument, one line of JSON for each.
 *
 * <p>A record is its length (int32, big endian; -1 for a tombstone), its timestamp (int64 ms; -2**63 for none), the
 * length of its header (int32; -1 for none), its bytes and those of the header. A line is [reason, field] or [null, null, values ...]: money in millionths, days and times since 1970 as ints,
 * a float as the text of its bits in hex.
 */
public final class Main {
  private Main() {}

  /** `java -cp JAR tidemill.contract.Main FIELD_TABLE`. */
  public static void main(String[] arguments) throws IOException {
    FieldTable table = FieldTable.of(arguments[0]);
    Judge judge = new Judge(table);
    DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
    try (OutputStream out = new BufferedOutputStream(System.out, 1 << 16)) {
      while (true) {
        int length;
        try {
          length = in.readInt();
        } catch (EOFException end) {
          return;
        }
        long timestampMs = in.readLong();
        int headerLength = in.readInt();
        byte[] value = length < 0 ? null : in.readNBytes(length);
        byte[] header = headerLength < 0 ? null : in.readNBytes(headerLength);
        Line line = new Line(table.columns());
        judge.judge(value, timestampMs, header, line);
        out.write(line.bytes());
      }
    }
  }

  /** A verdict as a line. */
  private static final class Line extends Verdict {
    private final Field[] fields;

    Line(Field[] fields) {
      super(fields.length);
      this.fields = fields;
    }

    byte[] bytes() {
      StringBuilder text = new StringBuilder("[").append(quoted(reason)).append(',').append(quoted(field));
      if (reason == null) {
        for (Field each : fields) {
          text.append(',').append(value(each));
        }
      }
      return text.append("]\n").toString().getBytes(StandardCharsets.UTF_8);
    }

    private String value(Field each) {
      int column = each.column;
      if (isNull(column)) {
        return "null";
      }
      if (object(column) instanceof Object[] values) {
        StringBuilder text = new StringBuilder("[");
        for (Object value : values) {
          text.append(text.length() > 1 ? "," : "").append(told(value));
        }
        return text.append(']').toString();
      }
      return switch (each.kind) {
        case STR, JSON -> told(object(column) != null
            ? object(column)
            : java.util.Arrays.copyOfRange(record, textAt(column), textAt(column) + textLength(column)));
        case BOOL -> told(slots[column] == 1);
        case FLOAT -> told(Double.longBitsToDouble(slots[column]));
        default -> told(slots[column]);
      };
    }

    private static String told(Object value) {
      if (value instanceof byte[] text) {
        return new String(Canonical.quoted(text), StandardCharsets.UTF_8);
      }
      if (value instanceof Double number) {
        return '"' + Long.toHexString(Double.doubleToRawLongBits(number)) + '"';
      }
      return value.toString();
    }

    private static String quoted(String text) {
      return text == null ? "null" : new String(Canonical.quoted(text.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
    }
  }
}
