package tidemill.contract;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.functions.FunctionDefinition;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.ArgumentCount;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.ConstantArgumentCount;
import org.apache.flink.table.types.inference.InputTypeStrategy;
import org.apache.flink.table.types.inference.Signature;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.LogicalTypeFamily;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/**
 * In SQL {@code strict_event('<field table>', value [, record_timestamp [, header]])}: a row of the reason against the record, the
 * field that is the reason, and the event's columns by the field table. Where there is a reason, all columns are null.
 *
 * <p>The value is BYTES (null is a tombstone), the timestamp TIMESTAMP_LTZ(3) or TIMESTAMP(3), or BIGINT in ms; it
 * counts where the field table has a {@code max_future}. The header, BYTES, is the record's {@code __value_schema_id}; null
 * where it has none.
 */
public class StrictEvent extends ScalarFunction {
  private static final long serialVersionUID = 1L;

  private transient Map<StringData, Judge> judges;
  private transient StringData lastTable;
  private transient Judge lastJudge;

  /** Judges a value without its record's timestamp. */
  public RowData eval(StringData fieldTable, byte[] value) {
    return judge(fieldTable, value, Judge.NO_TIMESTAMP, null);
  }

  /** Judges a value with its record's timestamp, null where it has none. */
  public RowData eval(StringData fieldTable, byte[] value, TimestampData timestamp) {
    return judge(fieldTable, value, timestamp == null ? Judge.NO_TIMESTAMP : timestamp.getMillisecond(), null);
  }

  /** The same with the timestamp in ms since 1970. */
  public RowData eval(StringData fieldTable, byte[] value, Long timestampMs) {
    return eval(fieldTable, value, timestampMs, null);
  }

  /** The same with the header that names the schema. */
  public RowData eval(StringData fieldTable, byte[] value, Long timestampMs, byte[] header) {
    return judge(fieldTable, value, timestampMs == null ? Judge.NO_TIMESTAMP : timestampMs, header);
  }

  private RowData judge(StringData fieldTable, byte[] value, long timestampMs, byte[] header) {
    if (fieldTable != lastTable) {
      choose(fieldTable);
    }
    EventRow row = new EventRow(lastJudge.columns());
    lastJudge.judge(value, timestampMs, header, row);
    return row;
  }

  private void choose(StringData fieldTable) {
    if (judges == null) {
      judges = new HashMap<>();
    }
    lastJudge = judges.computeIfAbsent(fieldTable, text -> new Judge(FieldTable.of(text.toString())));
    lastTable = fieldTable;
  }

  /**
   * Not, although it is: the planner would call a deterministic function that gives a row once for each column that is
   * used.
   */
  @Override
  public boolean isDeterministic() {
    return false;
  }

  @Override
  public boolean supportsConstantFolding() {
    return false;
  }

  @Override
  public TypeInference getTypeInference(DataTypeFactory typeFactory) {
    return TypeInference.newBuilder()
        .inputTypeStrategy(new Arguments())
        .outputTypeStrategy(context -> Optional.of(rowOf(tableOf(context))))
        .build();
  }

  private static FieldTable tableOf(CallContext context) {
    String text =
        context.isArgumentLiteral(0) ? context.getArgumentValue(0, String.class).orElse(null) : null;
    if (text == null) {
      throw context.newValidationError("strict_event needs its field table as a text literal, the first argument");
    }
    try {
      return FieldTable.of(text);
    } catch (IllegalArgumentException mistake) {
      throw new ValidationException("strict_event: " + mistake.getMessage(), mistake);
    }
  }

  private static DataType rowOf(FieldTable table) {
    List<DataTypes.Field> found = new ArrayList<>();
    found.add(DataTypes.FIELD("reason", DataTypes.STRING()));
    found.add(DataTypes.FIELD("field", DataTypes.STRING()));
    for (Field each : table.columns()) {
      found.add(DataTypes.FIELD(each.name, typeOf(each)));
    }
    return DataTypes.ROW(found).bridgedTo(RowData.class);
  }

  private static DataType typeOf(Field field) {
    return switch (field.kind) {
      case STR, JSON, OBJECT -> DataTypes.STRING();
      case BOOL -> DataTypes.BOOLEAN();
      case FLOAT -> DataTypes.DOUBLE();
      case MONEY, MONEY_TEXT -> DataTypes.DECIMAL(EventRow.MONEY_DIGITS, EventRow.MONEY_DECIMALS);
      case DATE -> DataTypes.DATE();
      case LIST -> DataTypes.ARRAY(typeOf(field.element));
      default -> DataTypes.BIGINT();
    };
  }

  /** Which arguments it takes. */
  private static final class Arguments implements InputTypeStrategy {
    @Override
    public ArgumentCount getArgumentCount() {
      return ConstantArgumentCount.between(2, 4);
    }

    @Override
    public Optional<List<DataType>> inferInputTypes(CallContext context, boolean throwOnFailure) {
      List<DataType> given = context.getArgumentDataTypes();
      if (!given.get(0).getLogicalType().is(LogicalTypeFamily.CHARACTER_STRING)) {
        return context.fail(throwOnFailure, "strict_event: the first argument is a field table, a text literal");
      }
      if (!given.get(1).getLogicalType().is(LogicalTypeFamily.BINARY_STRING)) {
        return context.fail(throwOnFailure, "strict_event: the second argument is a record's value, of type BYTES");
      }
      List<DataType> taken = new ArrayList<>();
      taken.add(given.get(0).bridgedTo(StringData.class));
      taken.add(given.get(1).bridgedTo(byte[].class));
      if (given.size() > 2) {
        DataType timestamp = given.get(2);
        if (timestamp.getLogicalType().is(LogicalTypeFamily.TIMESTAMP) && given.size() == 3) {
          taken.add(timestamp.bridgedTo(TimestampData.class));
        } else if (timestamp.getLogicalType().is(LogicalTypeRoot.BIGINT)) {
          taken.add(timestamp.nullable().bridgedTo(Long.class));
        } else {
          return context.fail(
              throwOnFailure,
              "strict_event: the third argument is a record's timestamp, TIMESTAMP_LTZ(3) or BIGINT, with a header BIGINT");
        }
      }
      if (given.size() > 3) {
        if (!given.get(3).getLogicalType().is(LogicalTypeFamily.BINARY_STRING)) {
          return context.fail(throwOnFailure, "strict_event: the fourth argument is a record's header, of type BYTES");
        }
        taken.add(given.get(3).nullable().bridgedTo(byte[].class));
      }
      return Optional.of(taken);
    }

    @Override
    public List<Signature> getExpectedSignatures(FunctionDefinition definition) {
      return List.of(
          Signature.of(Signature.Argument.of("field_table", "STRING"), Signature.Argument.of("value", "BYTES")),
          Signature.of(
              Signature.Argument.of("field_table", "STRING"),
              Signature.Argument.of("value", "BYTES"),
              Signature.Argument.of("record_timestamp", "TIMESTAMP_LTZ(3) or BIGINT")),
          Signature.of(
              Signature.Argument.of("field_table", "STRING"),
              Signature.Argument.of("value", "BYTES"),
              Signature.Argument.of("record_timestamp", "BIGINT"),
              Signature.Argument.of("header", "BYTES")));
    }
  }
}
