package tidemill.contract;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads bodies of one Avro schema, by the writer's schema, to the values that a field table asks for, as
 * dataflow/decode/avro/reader.py does. One instance serves one thread.
 */
final class AvroReader {
  /** Records, arrays and maps may stand in each other this deep, the record itself included, also where nobody asks. */
  private static final int MAX_DEPTH = 64;
  private static final int MOST_SHIFT = 63;

  /** Reads one value from the body at hand. */
  private interface Read {
    Object next(int depth) throws Malformed;
  }

  private final Map<AvroType, Read> skipping = new IdentityHashMap<>();
  private final Map<AvroType, Read> whole = new IdentityHashMap<>();
  private final Read ofNull = depth -> Typed.NULL;
  private final Read record;

  private byte[] v;
  private int at;

  /** A reader of a writer's schema, which is one of a record. */
  AvroReader(AvroType writer, Field root) {
    record = record(writer, root);
  }

  /** The fields of the body that begins at `from`, by the keys that the table asks for; no byte may be left over. */
  Map<?, ?> read(byte[] value, int from) throws Malformed {
    v = value;
    at = from;
    Object found = record.next(1);
    if (at != v.length) {
      throw Malformed.BODY;
    }
    return (Map<?, ?>) found;
  }

  /** Of a record whose fields are asked for by `node`, or of which nothing is asked. */
  private Read record(AvroType writer, Field node) {
    Field[] children = node == null ? new Field[0] : node.children;
    AvroType.Member[] asked = new AvroType.Member[children.length];
    for (int i = 0; i < asked.length; i++) {
      asked[i] = fieldOf(writer, children[i]);
    }
    int count = writer.fields.size();
    String[][] keys = new String[count][];
    Read[] parts = new Read[count];
    for (int i = 0; i < count; i++) {
      AvroType.Member each = writer.fields.get(i);
      List<String> askers = new ArrayList<>();
      Field inner = null;
      boolean isWhole = false;
      for (int child = 0; child < children.length; child++) {
        if (asked[child] == each) {
          askers.add(children[child].keyText);
          inner = inner == null && children[child].kind == Kind.OBJECT ? children[child] : inner;
          isWhole |= children[child].kind == Kind.LIST || children[child].kind == Kind.JSON;
        }
      }
      keys[i] = askers.toArray(new String[0]);
      parts[i] = isWhole ? whole(each.type()) : value(each.type(), inner);
    }
    return depth -> {
      check(depth);
      Map<String, Object> found = new HashMap<>(2 * children.length);
      for (int i = 0; i < parts.length; i++) {
        Object value = parts[i].next(depth + 1);
        for (String key : keys[i]) {
          found.put(key, value);
        }
      }
      return found;
    };
  }

  /** The writer's field that `child` reads: of its name, with an alias of that name, of a name that it had. */
  private static AvroType.Member fieldOf(AvroType writer, Field child) {
    for (AvroType.Member each : writer.fields) {
      if (each.name().equals(child.keyText)) {
        return each;
      }
    }
    for (AvroType.Member each : writer.fields) {
      if (each.aliases().contains(child.keyText)) {
        return each;
      }
    }
    List<String> former = Arrays.asList(child.former);
    for (AvroType.Member each : writer.fields) {
      if (former.contains(each.name())) {
        return each;
      }
    }
    return null;
  }

  /** Of any type; a record is a map of what `node` asks for, of nothing without. */
  private Read value(AvroType type, Field node) {
    if (node != null) {
      return made(type, node);
    }
    Read known = skipping.get(type);
    if (known == null) {
      // stands for the type while it is made, for those that hold themselves
      skipping.put(type, depth -> skipping.get(type).next(depth));
      known = made(type, null);
      skipping.put(type, known);
    }
    return known;
  }

  /** Of any type with all that is in it: a record or a map is a map, an array a list. */
  private Read whole(AvroType type) {
    Read known = whole.get(type);
    if (known == null) {
      whole.put(type, depth -> whole.get(type).next(depth));
      known = madeWhole(type);
      whole.put(type, known);
    }
    return known;
  }

  private Read madeWhole(AvroType type) {
    return switch (type.logical == null ? type.kind : "") {
      case "record" -> members(type);
      case "union" -> union(type.branches.stream().map(this::whole).toArray(Read[]::new));
      case "array" -> array(whole(type.items), true);
      case "map" -> map(whole(type.items), true);
      default -> value(type, null);
    };
  }

  private Read made(AvroType type, Field node) {
    if (type.logical != null) {
      return logical(type);
    }
    return switch (type.kind) {
      case "record" -> record(type, node);
      case "union" -> union(type.branches.stream().map(branch -> value(branch, node)).toArray(Read[]::new));
      case "enum" -> symbol(type.symbols);
      case "fixed" -> depth -> {
        fixed(type.size);
        return Typed.OTHER;
      };
      case "bytes" -> depth -> {
        fixed(length());
        return Typed.OTHER;
      };
      case "array" -> array(value(type.items, null), false);
      case "map" -> map(value(type.items, null), false);
      case "null" -> ofNull;
      case "boolean" -> depth -> flag();
      case "int" -> depth -> (long) int32();
      case "long" -> depth -> int64();
      case "float" -> depth -> (double) Float.intBitsToFloat((int) little(Float.BYTES));
      case "double" -> depth -> Double.longBitsToDouble(little(Double.BYTES));
      default -> depth -> text();
    };
  }

  private Read members(AvroType type) {
    String[] names = type.fields.stream().map(AvroType.Member::name).toArray(String[]::new);
    Read[] parts = type.fields.stream().map(each -> whole(each.type())).toArray(Read[]::new);
    return depth -> {
      check(depth);
      Map<String, Object> found = new LinkedHashMap<>();
      for (int i = 0; i < parts.length; i++) {
        found.put(names[i], parts[i].next(depth + 1));
      }
      return found;
    };
  }

  private Read union(Read[] branches) {
    return depth -> {
      long number = int64();
      if (number < 0 || number >= branches.length) {
        throw Malformed.BODY;
      }
      return branches[(int) number].next(depth);
    };
  }

  private Read symbol(byte[][] symbols) {
    return depth -> {
      int number = int32();
      if (number < 0 || number >= symbols.length) {
        throw Malformed.BODY;
      }
      return symbols[number];
    };
  }

  /** `keep`: what is in it is kept; otherwise it is passed over. */
  private Read array(Read item, boolean keep) {
    return depth -> {
      check(depth);
      List<Object> found = new ArrayList<>();
      for (int count = block(); count > 0; count = block()) {
        if (item == ofNull) {
          // they have no bytes, so that a short record could say very many
          continue;
        }
        for (int i = 0; i < count; i++) {
          Object value = item.next(depth + 1);
          if (keep) {
            found.add(value);
          }
        }
      }
      return keep ? found : Typed.OTHER;
    };
  }

  private Read map(Read item, boolean keep) {
    return depth -> {
      check(depth);
      Map<String, Object> found = new LinkedHashMap<>();
      for (int count = block(); count > 0; count = block()) {
        for (int i = 0; i < count; i++) {
          byte[] key = text();
          Object value = item.next(depth + 1);
          if (keep) {
            found.put(TypedJudge.string(key), value);
          }
        }
      }
      return keep ? found : Typed.OTHER;
    };
  }

  /** How many entries come next; 0 behind the last. */
  private int block() throws Malformed {
    long count = int64();
    if (count < 0) {
      int64();
      count = -count;
    }
    if (count < 0 || count > v.length - at) {
      throw Malformed.BODY;
    }
    return (int) count;
  }

  private Read logical(AvroType type) {
    switch (type.logical) {
      case "date":
        return depth -> new Typed.Days(int32());
      case "decimal":
        return depth -> decimal(type.kind.equals("fixed") ? type.size : length(), type.scale);
      case "timestamp-millis":
        return depth -> Typed.Stamp.of(int64(), 1_000L);
      case "timestamp-micros":
        return depth -> Typed.Stamp.of(int64(), 1_000_000L);
      case "timestamp-nanos":
        return depth -> Typed.Stamp.of(int64(), 1_000_000_000L);
      default:
        return depth -> {
          // a local time, which has no zone
          int64();
          return Typed.OTHER;
        };
    }
  }

  private Object decimal(int length, int scale) throws Malformed {
    int from = fixed(length);
    return new BigDecimal(length == 0 ? BigInteger.ZERO : new BigInteger(v, from, length), scale);
  }

  private static void check(int depth) throws Malformed {
    if (depth > MAX_DEPTH) {
      throw Malformed.BODY;
    }
  }

  private long int64() throws Malformed {
    long number = 0;
    for (int shift = 0; shift <= MOST_SHIFT; shift += 7) {
      if (at >= v.length) {
        throw Malformed.BODY;
      }
      byte next = v[at++];
      if (shift == MOST_SHIFT && (next & 0x7f) > 1) {
        throw Malformed.BODY;
      }
      number |= (next & 0x7fL) << shift;
      if (next >= 0) {
        return number >>> 1 ^ -(number & 1);
      }
    }
    throw Malformed.BODY;
  }

  private int int32() throws Malformed {
    long number = int64();
    if (number != (int) number) {
      throw Malformed.BODY;
    }
    return (int) number;
  }

  private int length() throws Malformed {
    long length = int64();
    if (length < 0 || length > v.length - at) {
      throw Malformed.BODY;
    }
    return (int) length;
  }

  /** Goes behind so many bytes; where they begin. */
  private int fixed(int size) throws Malformed {
    if (size > v.length - at) {
      throw Malformed.BODY;
    }
    at += size;
    return at - size;
  }

  private byte[] text() throws Malformed {
    int length = length();
    int from = fixed(length);
    if (!Utf8.isValid(v, from, at)) {
      throw Malformed.BODY;
    }
    return Arrays.copyOfRange(v, from, at);
  }

  private boolean flag() throws Malformed {
    int from = fixed(1);
    if (v[from] != 0 && v[from] != 1) {
      throw Malformed.BODY;
    }
    return v[from] == 1;
  }

  private long little(int bytes) throws Malformed {
    int from = fixed(bytes);
    long number = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      number = number << 8 | v[from + i] & 0xff;
    }
    return number;
  }
}
