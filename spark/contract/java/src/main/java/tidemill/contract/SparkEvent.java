package tidemill.contract;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.Arrays;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF3;

/**
 * In SQL {@code strict_event('<field table>', value, '<columns>')}: a row of the reason against the record, the field
 * that is the reason, and those of the event's columns whose numbers, with commas between, are named. Where there is a
 * reason, all columns are null.
 *
 * <p>The value is BINARY; null is a tombstone. A task has a function of its own, so it serves one thread.
 */
public final class SparkEvent implements UDF3<String, byte[], String, Row> {
  private static final long serialVersionUID = 1L;

  private static final int OWN = 2;
  private static final int MONEY_DECIMALS = 6;

  private transient String table;
  private transient String columns;
  private transient Judge judge;
  private transient Field[] wanted;

  @Override
  public Row call(String fieldTable, byte[] value, String columnNumbers) {
    if (!fieldTable.equals(table) || !columnNumbers.equals(columns)) {
      choose(fieldTable, columnNumbers);
    }
    Found found = new Found(judge.columns());
    judge.judge(value, Judge.NO_TIMESTAMP, null, found);
    return found.row(wanted);
  }

  private void choose(String fieldTable, String columnNumbers) {
    FieldTable read = FieldTable.of(fieldTable);
    Field[] all = read.columns();
    judge = new Judge(read);
    wanted = Arrays.stream(columnNumbers.split(",")).map(each -> all[Integer.parseInt(each)]).toArray(Field[]::new);
    table = fieldTable;
    columns = columnNumbers;
  }

  /** A verdict as Spark's row. */
  private static final class Found extends Verdict {
    Found(int columns) {
      super(columns);
    }

    Row row(Field[] wanted) {
      Object[] values = new Object[OWN + wanted.length];
      values[0] = reason;
      values[1] = field;
      if (reason == null) {
        for (int i = 0; i < wanted.length; i++) {
          values[OWN + i] = isNull(wanted[i].column) ? null : value(wanted[i]);
        }
      }
      return RowFactory.create(values);
    }

    private Object value(Field of) {
      int column = of.column;
      return switch (of.kind) {
        case STR -> object(column) instanceof byte[] text
            ? new String(text, StandardCharsets.UTF_8)
            : new String(record, textAt(column), textLength(column), StandardCharsets.UTF_8);
        case BOOL -> slots[column] == 1;
        case FLOAT -> Double.longBitsToDouble(slots[column]);
        case MONEY, MONEY_TEXT -> BigDecimal.valueOf(slots[column], MONEY_DECIMALS);
        case DATE -> LocalDate.ofEpochDay(slots[column]);
        case LIST, JSON, OBJECT -> throw new IllegalArgumentException("no column of a row is a " + of.kind);
        default -> slots[column];
      };
    }
  }
}
