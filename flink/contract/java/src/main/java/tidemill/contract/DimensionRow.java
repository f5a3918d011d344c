package tidemill.contract;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
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
 * In SQL {@code dimension_row('<columns>', key, '<rows>', ...)}: the row of a small table whose rows stand in the
 * statement, null where there is none of that key. No state, no join: rows keep their order and wait for nothing.
 *
 * <p>What the texts are stands in flink/contract/dimension.py.
 */
public class DimensionRow extends ScalarFunction {
  private static final long serialVersionUID = 1L;

  private transient Map<StringData, Map<Object, RowData>> tables;
  private transient StringData lastColumns;
  private transient Map<Object, RowData> lastTable;

  /** By a text. */
  public RowData eval(StringData columns, StringData key, StringData... rows) {
    return key == null ? null : table(columns, rows).get(key);
  }

  /** By a number. */
  public RowData eval(StringData columns, Long key, StringData... rows) {
    return key == null ? null : table(columns, rows).get(key);
  }

  private Map<Object, RowData> table(StringData columns, StringData[] rows) {
    if (columns != lastColumns) {
      if (tables == null) {
        tables = new IdentityHashMap<>();
      }
      lastTable = tables.computeIfAbsent(columns, told -> read(told.toString(), rows));
      lastColumns = columns;
    }
    return lastTable;
  }

  private static Map<Object, RowData> read(String columns, StringData[] texts) {
    String[] kinds = Arrays.stream(columns.split("\\|")).map(each -> each.split(" ", 2)[0]).toArray(String[]::new);
    Map<Object, RowData> found = new HashMap<>();
    for (StringData text : texts) {
      for (String line : text.toString().split("~", -1)) {
        String[] values = line.split("\\|", -1);
        GenericRowData row = new GenericRowData(kinds.length);
        for (int i = 0; i < kinds.length; i++) {
          row.setField(i, value(kinds[i], values[i]));
        }
        found.put(row.getField(0), row);
      }
    }
    return found;
  }

  private static Object value(String kind, String written) {
    if (written.equals("\\N")) {
      return null;
    }
    return switch (kind) {
      case "str" -> StringData.fromString(unescaped(written));
      case "int" -> Long.valueOf(written);
      case "bool" -> Boolean.valueOf(written);
      case "float" -> Double.valueOf(written);
      case "money" -> DecimalData.fromBigDecimal(
          new BigDecimal(written), EventRow.MONEY_DIGITS, EventRow.MONEY_DECIMALS);
      case "date" -> (int) LocalDate.parse(written).toEpochDay();
      default -> throw new IllegalArgumentException("no kind is called " + kind);
    };
  }

  private static String unescaped(String written) {
    if (written.indexOf('\\') < 0) {
      return written;
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < written.length(); i++) {
      char each = written.charAt(i);
      if (each == '\\') {
        i++;
        each = switch (written.charAt(i)) {
          case 'p' -> '|';
          case 'q' -> '~';
          case 's' -> ';';
          case 'n' -> '\n';
          case 'r' -> '\r';
          default -> written.charAt(i);
        };
      }
      text.append(each);
    }
    return text.toString();
  }

  @Override
  public TypeInference getTypeInference(DataTypeFactory typeFactory) {
    return TypeInference.newBuilder()
        .inputTypeStrategy(new Arguments())
        .outputTypeStrategy(context -> Optional.of(rowOf(context)))
        .build();
  }

  private static DataType rowOf(CallContext context) {
    String columns = context.isArgumentLiteral(0) ? context.getArgumentValue(0, String.class).orElse(null) : null;
    if (columns == null) {
      throw context.newValidationError("dimension_row needs its columns as a text literal, the first argument");
    }
    List<DataTypes.Field> found = new ArrayList<>();
    for (String column : columns.split("\\|")) {
      String[] parts = column.split(" ", 2);
      if (parts.length < 2) {
        throw new ValidationException("dimension_row: a column is kind, blank, name, not " + column);
      }
      found.add(DataTypes.FIELD(unescaped(parts[1]), typeOf(parts[0])));
    }
    return DataTypes.ROW(found).bridgedTo(RowData.class);
  }

  private static DataType typeOf(String kind) {
    return switch (kind) {
      case "str" -> DataTypes.STRING();
      case "int" -> DataTypes.BIGINT();
      case "bool" -> DataTypes.BOOLEAN();
      case "float" -> DataTypes.DOUBLE();
      case "money" -> DataTypes.DECIMAL(EventRow.MONEY_DIGITS, EventRow.MONEY_DECIMALS);
      case "date" -> DataTypes.DATE();
      default -> throw new ValidationException("dimension_row: no kind is called " + kind);
    };
  }

  /** Which arguments it takes. */
  private static final class Arguments implements InputTypeStrategy {
    @Override
    public ArgumentCount getArgumentCount() {
      return ConstantArgumentCount.from(2);
    }

    @Override
    public Optional<List<DataType>> inferInputTypes(CallContext context, boolean throwOnFailure) {
      List<DataType> taken = new ArrayList<>();
      for (DataType given : context.getArgumentDataTypes()) {
        boolean isKey = taken.size() == 1;
        if (isKey && given.getLogicalType().is(LogicalTypeRoot.BIGINT)) {
          taken.add(given.nullable().bridgedTo(Long.class));
        } else if (given.getLogicalType().is(LogicalTypeFamily.CHARACTER_STRING)) {
          taken.add(given.bridgedTo(StringData.class));
        } else {
          return context.fail(
              throwOnFailure, "dimension_row takes texts, and as its second argument a key, STRING or BIGINT");
        }
      }
      return Optional.of(taken);
    }

    @Override
    public List<Signature> getExpectedSignatures(FunctionDefinition definition) {
      return List.of(
          Signature.of(
              Signature.Argument.of("columns", "STRING"),
              Signature.Argument.of("key", "STRING or BIGINT"),
              Signature.Argument.of("rows ...", "STRING")));
    }
  }
}
