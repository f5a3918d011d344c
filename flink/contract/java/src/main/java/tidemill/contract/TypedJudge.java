package tidemill.contract;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Judges values that have a type already, as dataflow/decode/fields.py does: an object is what a Map holds by the keys that
 * the model reads, and what is in no Map is absent. One instance serves one thread.
 */
final class TypedJudge {
  private static final long FIRST_DAY = -719_162;
  private static final long LAST_DAY = 2_932_896;

  private Verdict into;
  /** What {@link #reason} made of a value that it took: a number, or else an object. */
  private long number;
  private Object made;

  /** Fills a verdict with what an object's fields are; whether none is refused. */
  boolean judge(Field root, Map<?, ?> found, Verdict verdict) {
    into = verdict;
    return object(root, found);
  }

  private boolean object(Field node, Map<?, ?> found) {
    for (Field child : node.children) {
      Object value = found.get(child.keyText);
      boolean good;
      if (value == null) {
        good = Rules.absent(child, into);
      } else if (value == Typed.NULL) {
        good = Rules.isNull(child, into);
      } else if (child.kind == Kind.OBJECT) {
        good = value instanceof Map<?, ?> inner ? object(child, inner) : refuse("wrong_type", child.path);
      } else {
        good = leaf(child, value);
      }
      if (!good) {
        return false;
      }
    }
    return true;
  }

  private boolean refuse(String reason, String path) {
    into.refuse(reason, path);
    return false;
  }

  private boolean leaf(Field field, Object value) {
    if (field.kind == Kind.LIST && value instanceof List<?> values) {
      return list(field, values);
    }
    if (field.kind == Kind.JSON && value instanceof Map<?, ?> members) {
      return json(field, members);
    }
    String reason = reason(field, value);
    if (reason != null) {
      return refuse(reason, field.path);
    }
    if (made != null) {
      into.setObject(field.column, made);
    } else {
      into.slots[field.column] = number;
    }
    return true;
  }

  private boolean list(Field field, List<?> values) {
    if (!field.takesLength(values.size())) {
      return refuse("constraint", field.path);
    }
    Object[] found = new Object[values.size()];
    for (int i = 0; i < found.length; i++) {
      found[i] = element(field, String.valueOf(i), values.get(i));
      if (found[i] == null) {
        return false;
      }
    }
    into.setObject(field.column, found);
    return true;
  }

  private boolean json(Field field, Map<?, ?> members) {
    if (!field.takesLength(members.size())) {
      return refuse("constraint", field.path);
    }
    Map<Object, Object> found = new LinkedHashMap<>();
    for (Map.Entry<?, ?> member : members.entrySet()) {
      Object value = json(field, (String) member.getKey(), member.getValue());
      if (value == null) {
        return false;
      }
      found.put(member.getKey(), value);
    }
    into.setObject(field.column, Canonical.of(found));
    return true;
  }

  /** A value of an object that is kept as JSON text; null where it is refused. */
  private Object json(Field field, String key, Object value) {
    if (field.element != null) {
      return element(field, key, value);
    }
    if (value instanceof Map<?, ?> members) {
      Map<Object, Object> found = new LinkedHashMap<>();
      for (Map.Entry<?, ?> member : members.entrySet()) {
        Object inner = json(field, (String) member.getKey(), member.getValue());
        if (inner == null) {
          return null;
        }
        found.put(member.getKey(), inner);
      }
      return found;
    }
    if (value instanceof List<?> values) {
      List<Object> found = new ArrayList<>(values.size());
      for (Object each : values) {
        Object inner = json(field, key, each);
        if (inner == null) {
          return null;
        }
        found.add(inner);
      }
      return found;
    }
    if (value instanceof Double fraction && fraction - fraction != 0) {
      refuse("constraint", field.path + "." + key);
      return null;
    }
    if (value != Typed.NULL && !isPlain(value)) {
      refuse("wrong_type", field.path + "." + key);
      return null;
    }
    return value;
  }

  private static boolean isPlain(Object value) {
    return value instanceof byte[]
        || value instanceof Long
        || value instanceof BigInteger
        || value instanceof Boolean
        || value instanceof Double;
  }

  /** A value of a list or of an object whose values have a type; null where it is refused. */
  private Object element(Field field, String place, Object value) {
    Field element = field.element;
    String reason = value == Typed.NULL ? "missing_field" : reason(element, value);
    if (reason != null) {
      refuse(reason, field.path + "." + place);
      return null;
    }
    return switch (element.kind) {
      case STR -> made;
      case FLOAT -> Double.longBitsToDouble(number);
      case BOOL -> number == 1;
      default -> number;
    };
  }

  /** The reason against a value, or null. */
  private String reason(Field field, Object value) {
    made = null;
    return switch (field.kind) {
      case STR -> text(field, value);
      case BOOL -> bool(value);
      case INT -> whole(field, value);
      case FLOAT -> fraction(field, value);
      case MONEY -> amount(field, value);
      case MONEY_TEXT, DATE -> amountOrDay(field, value);
      case LIST, JSON, OBJECT -> "wrong_type";
      default -> time(field, value);
    };
  }

  private String text(Field field, Object value) {
    if (!(value instanceof byte[] text)) {
      return "wrong_type";
    }
    made = text;
    return Rules.takes(field, text, 0, text.length) ? null : "constraint";
  }

  private String bool(Object value) {
    if (!(value instanceof Boolean flag)) {
      return "wrong_type";
    }
    number = flag ? 1 : 0;
    return null;
  }

  private String whole(Field field, Object value) {
    if (value instanceof Long whole) {
      number = whole;
      return field.takes(whole) ? null : "constraint";
    }
    return value instanceof BigInteger ? "constraint" : "wrong_type";
  }

  private String fraction(Field field, Object value) {
    double fraction;
    if (value instanceof Double given) {
      // adding turns -0.0 into 0.0
      fraction = given + 0.0;
    } else if (value instanceof Long || value instanceof BigInteger) {
      fraction = ((Number) value).doubleValue();
    } else {
      return "wrong_type";
    }
    number = Double.doubleToRawLongBits(fraction);
    return Rules.takes(field, fraction) ? null : "constraint";
  }

  private String amount(Field field, Object value) {
    if (value instanceof Long whole) {
      number = Decimals.micros(whole);
    } else if (value instanceof Double given) {
      number = Decimals.micros(given);
    } else if (value instanceof BigDecimal decimal) {
      number = Decimals.micros(decimal);
    } else {
      return value instanceof BigInteger ? "constraint" : "wrong_type";
    }
    return number != Numbers.NONE && field.takes(number) ? null : "constraint";
  }

  private String amountOrDay(Field field, Object value) {
    if (value instanceof byte[] text) {
      return ofText(field, text);
    }
    if (field.kind == Kind.MONEY_TEXT && value instanceof BigDecimal) {
      return amount(field, value);
    }
    if (field.kind != Kind.DATE || !(value instanceof Typed.Days day)) {
      return "wrong_type";
    }
    number = day.days();
    return number >= FIRST_DAY && number <= LAST_DAY && field.takes(number) ? null : "constraint";
  }

  private String ofText(Field field, byte[] text) {
    number = Rules.ofText(field, text, 0, text.length);
    return number == Numbers.NONE ? "constraint" : null;
  }

  private String time(Field field, Object value) {
    if (value instanceof Typed.Stamp stamp) {
      number = takes(field, stamp) ? Rules.near(stamp.ms()) : Numbers.NONE;
      return number == Numbers.NONE ? "constraint" : null;
    }
    if (field.kind == Kind.TIME_TEXT || field.kind == Kind.TIME_FORM) {
      return value instanceof byte[] text ? ofText(field, text) : "wrong_type";
    }
    if (!(value instanceof Long ticks)) {
      return value instanceof BigInteger ? "constraint" : "wrong_type";
    }
    number = Rules.ticks(field, ticks);
    return number == Numbers.NONE ? "constraint" : null;
  }

  /** Whether an instant is within a field's limits, which count in the field's own unit. */
  private static boolean takes(Field field, Typed.Stamp stamp) {
    long ms = stamp.ms();
    try {
      return switch (field.kind) {
        case TIME_S -> field.takes(Math.floorDiv(ms, 1_000L));
        case TIME_US -> field.takes(Math.addExact(Math.multiplyExact(ms, 1_000L), stamp.nanos() / 1_000));
        case TIME_NS -> field.takes(Math.addExact(Math.multiplyExact(ms, 1_000_000L), stamp.nanos()));
        case TIME_TEXT -> true;
        default -> field.takes(ms);
      };
    } catch (ArithmeticException beyondLong) {
      return takesFar(field, stamp);
    }
  }

  private static boolean takesFar(Field field, Typed.Stamp stamp) {
    BigInteger nanos = BigInteger.valueOf(stamp.ms()).multiply(BigInteger.valueOf(1_000_000));
    nanos = nanos.add(BigInteger.valueOf(stamp.nanos()));
    BigInteger ticks = field.kind == Kind.TIME_NS ? nanos : floorThousandth(nanos);
    if (ticks.signum() < 0 ? field.low != Long.MIN_VALUE : field.high != Long.MAX_VALUE) {
      return false;
    }
    for (long step : field.multiples) {
      if (ticks.mod(BigInteger.valueOf(step)).signum() != 0) {
        return false;
      }
    }
    return true;
  }

  private static BigInteger floorThousandth(BigInteger nanos) {
    BigInteger thousand = BigInteger.valueOf(1_000);
    return nanos.subtract(nanos.mod(thousand)).divide(thousand);
  }

  /** A text as a String. */
  static String string(byte[] text) {
    return new String(text, StandardCharsets.UTF_8);
  }
}
