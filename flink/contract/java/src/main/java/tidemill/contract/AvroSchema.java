package tidemill.contract;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads an Avro schema's JSON text, as dataflow/formats/avro.py does. */
final class AvroSchema {
  private static final Set<String> PRIMITIVES =
      Set.of("null", "boolean", "int", "long", "float", "double", "bytes", "string");
  private static final int MOST_DEPTH = 64;

  /** A text is no Avro schema. */
  static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1L;

    Unreadable(String what) {
      super(what);
    }
  }

  private final Map<String, AvroType> named = new HashMap<>();

  private AvroSchema() {}

  /** The type that a text says. References: texts whose names it uses, each before those that use it. */
  static AvroType read(String text, Iterable<String> references) throws Unreadable {
    AvroSchema reader = new AvroSchema();
    for (String each : references) {
      reader.type(loaded(each), "", 0);
    }
    return reader.type(loaded(text), "", 0);
  }

  private static Object loaded(String text) throws Unreadable {
    Object found = JsonTree.of(text);
    if (found != null) {
      return found;
    }
    if (PRIMITIVES.contains(text.strip())) {
      return text.strip();
    }
    throw new Unreadable("not JSON");
  }

  private AvroType type(Object said, String space, int depth) throws Unreadable {
    if (depth > MOST_DEPTH) {
      throw new Unreadable("types stand in each other too deep");
    }
    if (said instanceof String name) {
      return byName(name, space);
    }
    if (said instanceof List<?> branches) {
      return union(branches, space, depth);
    }
    if (!(said instanceof Map<?, ?> parts) || !parts.containsKey("type")) {
      throw new Unreadable("no type");
    }
    Object kind = parts.get("type");
    if (kind instanceof Map || kind instanceof List) {
      return type(kind, space, depth + 1);
    }
    if (!(kind instanceof String name)) {
      throw new Unreadable("no type");
    }
    return ofKind(name, parts, space, depth);
  }

  private AvroType ofKind(String kind, Map<?, ?> said, String space, int depth) throws Unreadable {
    switch (kind) {
      case "record", "error":
        return record(said, space, depth);
      case "enum":
        return enumeration(said, space);
      case "fixed":
        return fixed(said, space);
      case "array", "map":
        AvroType made = new AvroType(kind);
        made.items = type(part(said, kind.equals("array") ? "items" : "values"), space, depth + 1);
        return made;
      default:
        return PRIMITIVES.contains(kind) ? logical(new AvroType(kind), said) : byName(kind, space);
    }
  }

  private AvroType byName(String name, String space) throws Unreadable {
    if (PRIMITIVES.contains(name)) {
      return new AvroType(name);
    }
    AvroType found = named.get(full(name, space));
    if (found == null) {
      found = named.get(name);
    }
    if (found == null) {
      throw new Unreadable("type " + name + " is not known here");
    }
    return found;
  }

  private AvroType union(List<?> said, String space, int depth) throws Unreadable {
    AvroType made = new AvroType("union");
    List<AvroType> branches = new ArrayList<>();
    for (Object each : said) {
      branches.add(type(each, space, depth + 1));
    }
    for (AvroType branch : branches) {
      if (branch.kind.equals("union")) {
        throw new Unreadable("a union stands in a union");
      }
    }
    made.branches = branches;
    return made;
  }

  private AvroType record(Map<?, ?> said, String space, int depth) throws Unreadable {
    String name = name(said, space);
    AvroType made = new AvroType("record");
    keep(name, made);
    if (!(said.get("fields") instanceof List<?> fields)) {
      throw new Unreadable("record " + name + " has no list of fields");
    }
    Set<String> seen = new HashSet<>();
    String inside = name.contains(".") ? name.substring(0, name.lastIndexOf('.')) : "";
    for (Object each : fields) {
      if (!(part(each, "name") instanceof String called) || !seen.add(called)) {
        throw new Unreadable("record " + name + ": a field has no name, or another one's");
      }
      List<String> aliases = new ArrayList<>();
      if (((Map<?, ?>) each).get("aliases") instanceof List<?> told) {
        told.forEach(alias -> {
          if (alias instanceof String other) {
            aliases.add(other);
          }
        });
      }
      made.fields.add(new AvroType.Member(called, aliases, type(part(each, "type"), inside, depth + 1)));
    }
    return made;
  }

  private AvroType enumeration(Map<?, ?> said, String space) throws Unreadable {
    if (!(said.get("symbols") instanceof List<?> symbols)) {
      throw new Unreadable("an enum has no list of symbols");
    }
    AvroType made = new AvroType("enum");
    made.symbols = new byte[symbols.size()][];
    for (int i = 0; i < made.symbols.length; i++) {
      if (!(symbols.get(i) instanceof String symbol)) {
        throw new Unreadable("an enum has no list of symbols");
      }
      made.symbols[i] = symbol.getBytes(StandardCharsets.UTF_8);
    }
    keep(name(said, space), made);
    return made;
  }

  private AvroType fixed(Map<?, ?> said, String space) throws Unreadable {
    BigInteger size = whole(said.get("size"));
    if (size == null || said.get("size") instanceof Boolean || size.signum() < 0) {
      throw new Unreadable("a fixed has no size");
    }
    String name = name(said, space);
    AvroType made = new AvroType("fixed");
    made.size = capped(size);
    logical(made, said);
    keep(name, made);
    return made;
  }

  private String name(Map<?, ?> said, String space) throws Unreadable {
    Object own = said.containsKey("namespace") ? said.get("namespace") : space;
    if (!(said.get("name") instanceof String name) || name.isEmpty() || !(own instanceof String inside)) {
      throw new Unreadable("a type has no name");
    }
    return full(name, inside);
  }

  private void keep(String name, AvroType made) throws Unreadable {
    if (named.putIfAbsent(name, made) != null) {
      throw new Unreadable(name + " is defined twice");
    }
  }

  /** A type with its logical type, where that is one of ours and stands rightly; else, as Avro has it, without. */
  private static AvroType logical(AvroType made, Map<?, ?> said) {
    if (!(said.get("logicalType") instanceof String logical)) {
      return made;
    }
    boolean stands =
        switch (logical) {
          case "date" -> made.kind.equals("int");
          case "decimal" -> made.kind.equals("bytes") || made.kind.equals("fixed");
          case "timestamp-millis", "timestamp-micros", "timestamp-nanos" -> made.kind.equals("long");
          case "local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos" -> made.kind.equals("long");
          default -> false;
        };
    if (!stands) {
      return made;
    }
    if (logical.equals("decimal")) {
      BigInteger precision = whole(said.get("precision"));
      BigInteger scale = said.containsKey("scale") ? whole(said.get("scale")) : BigInteger.ZERO;
      if (precision == null || scale == null || scale.signum() < 0 || scale.compareTo(precision) > 0) {
        return made;
      }
      made.scale = capped(scale);
    }
    made.logical = logical;
    return made;
  }

  /** A whole number, as which a flag counts as well; null for all else. */
  private static BigInteger whole(Object said) {
    if (said instanceof Boolean flag) {
      return flag ? BigInteger.ONE : BigInteger.ZERO;
    }
    return said instanceof BigInteger large ? large : said instanceof Long small ? BigInteger.valueOf(small) : null;
  }

  private static int capped(BigInteger number) {
    return number.min(BigInteger.valueOf(Integer.MAX_VALUE)).intValue();
  }

  private static Object part(Object said, String key) throws Unreadable {
    if (!(said instanceof Map<?, ?> parts) || !parts.containsKey(key)) {
      throw new Unreadable("there is no " + key);
    }
    return parts.get(key);
  }

  private static String full(String name, String space) {
    return name.contains(".") || space.isEmpty() ? name : space + "." + name;
  }
}
