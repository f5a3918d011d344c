package tidemill.contract;

/**
 * What the contract says of one record: a reason and the field it is about, or the values of an event's columns. They
 * point into the record's bytes, which must not change while it is in use.
 */
public class Verdict {
  /** Why the record is no event; null where it is one. */
  protected String reason;
  /** The JSON path of the field that is the reason; null where none is. */
  protected String field;
  protected byte[] record;
  /** A column's number, or where its text stands in the record; behind the columns a bit for each, set where null. */
  protected final long[] slots;
  /** What is no number and stands nowhere in the record; null as long as there is none. */
  protected Object[] objects;
  private final int columns;

  /** One of so many columns, to be filled once. */
  protected Verdict(int columns) {
    this.columns = columns;
    slots = new long[columns + (columns + 63) / 64];
  }

  final void refuse(String why, String path) {
    reason = why;
    field = path;
  }

  final void setNull(int column) {
    slots[columns + (column >> 6)] |= 1L << column;
  }

  final void setText(int column, int at, int end) {
    slots[column] = (long) at << 32 | (end - at);
  }

  final void setObject(int column, Object value) {
    if (objects == null) {
      objects = new Object[columns];
    }
    objects[column] = value;
  }

  /** A value as a field table has it: a text or a list lies among the objects, all else in its slot. */
  final void setValue(int column, Object value) {
    if (value == null) {
      setNull(column);
    } else if (value instanceof Long number) {
      slots[column] = number;
    } else if (value instanceof Double number) {
      slots[column] = Double.doubleToRawLongBits(number);
    } else if (value instanceof Boolean flag) {
      slots[column] = flag ? 1 : 0;
    } else {
      setObject(column, value);
    }
  }

  /** Whether a column holds null. */
  protected final boolean isNull(int column) {
    return (slots[columns + (column >> 6)] & 1L << column) != 0;
  }

  /** What a column holds that is no number and no text of the record; null where it is one. */
  protected final Object object(int column) {
    return objects == null ? null : objects[column];
  }

  /** Where a text begins in the record. */
  protected final int textAt(int column) {
    return (int) (slots[column] >> 32);
  }

  /** How many bytes a text has in the record. */
  protected final int textLength(int column) {
    return (int) slots[column];
  }
}
