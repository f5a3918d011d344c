package tidemill.contract;

import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RawValueData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.types.RowKind;
import org.apache.flink.types.variant.Variant;

/** A verdict as Flink's row: reason, field, then the columns; a value is made when one asks for it. */
final class EventRow extends Verdict implements RowData {
  static final int MONEY_DIGITS = 18;
  static final int MONEY_DECIMALS = 6;

  private static final int OWN = 2;

  private RowKind kind = RowKind.INSERT;

  EventRow(int columns) {
    super(columns);
    this.arity = columns + OWN;
  }

  private final int arity;

  @Override
  public int getArity() {
    return arity;
  }

  @Override
  public RowKind getRowKind() {
    return kind;
  }

  @Override
  public void setRowKind(RowKind kind) {
    this.kind = kind;
  }

  @Override
  public boolean isNullAt(int pos) {
    if (pos < OWN) {
      return (pos == 0 ? reason : field) == null;
    }
    return reason != null || isNull(pos - OWN);
  }

  @Override
  public boolean getBoolean(int pos) {
    return slots[pos - OWN] == 1;
  }

  @Override
  public int getInt(int pos) {
    return (int) slots[pos - OWN];
  }

  @Override
  public long getLong(int pos) {
    return slots[pos - OWN];
  }

  @Override
  public double getDouble(int pos) {
    return Double.longBitsToDouble(slots[pos - OWN]);
  }

  @Override
  public StringData getString(int pos) {
    if (pos < OWN) {
      return StringData.fromString(pos == 0 ? reason : field);
    }
    byte[] text = (byte[]) object(pos - OWN);
    return text != null
        ? StringData.fromBytes(text)
        : StringData.fromBytes(record, textAt(pos - OWN), textLength(pos - OWN));
  }

  @Override
  public DecimalData getDecimal(int pos, int precision, int scale) {
    return DecimalData.fromUnscaledLong(slots[pos - OWN], precision, scale);
  }

  @Override
  public ArrayData getArray(int pos) {
    Object[] values = (Object[]) object(pos - OWN);
    Object[] given = new Object[values.length];
    for (int i = 0; i < given.length; i++) {
      given[i] = values[i] instanceof byte[] text ? StringData.fromBytes(text) : values[i];
    }
    return new GenericArrayData(given);
  }

  @Override
  public byte getByte(int pos) {
    throw none("TINYINT", pos);
  }

  @Override
  public short getShort(int pos) {
    throw none("SMALLINT", pos);
  }

  @Override
  public float getFloat(int pos) {
    throw none("FLOAT", pos);
  }

  @Override
  public TimestampData getTimestamp(int pos, int precision) {
    throw none("TIMESTAMP", pos);
  }

  @Override
  public <T> RawValueData<T> getRawValue(int pos) {
    throw none("RAW", pos);
  }

  @Override
  public byte[] getBinary(int pos) {
    throw none("BYTES", pos);
  }

  @Override
  public MapData getMap(int pos) {
    throw none("MAP", pos);
  }

  @Override
  public RowData getRow(int pos, int fields) {
    throw none("ROW", pos);
  }

  @Override
  public Variant getVariant(int pos) {
    throw none("VARIANT", pos);
  }

  private static UnsupportedOperationException none(String type, int pos) {
    return new UnsupportedOperationException("column " + pos + " of an event is no " + type + ": no column is");
  }
}
