package tidemill.contract;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Avro: bare bodies of one schema, or framed ones of a registry's schemas. */
final class AvroBodies implements Bodies {
  private final Field root;
  private final Registry registry;
  private final AvroReader bare;
  /** By the schema that a record names: its reader, or the reason against all that name it. */
  private final Map<String, Object> known = new HashMap<>();

  AvroBodies(FieldTable table) {
    root = table.root;
    registry = table.registry == null ? null : Registry.at(table.registry);
    bare = registry != null ? null : new AvroReader(readable(table.avro), root);
  }

  private static AvroType readable(String text) {
    try {
      return AvroSchema.read(text, List.of());
    } catch (AvroSchema.Unreadable error) {
      throw new IllegalArgumentException("field table: its schema cannot be read: " + error.getMessage(), error);
    }
  }

  @Override
  public Object read(byte[] value, byte[] header) {
    if (registry == null) {
      return read(bare, value, 0);
    }
    Frame frame = Frame.of(value, header);
    if (frame == null) {
      return "malformed";
    }
    Object reader = known.get(frame.schema());
    if (reader == null) {
      reader = asked(frame.schema());
      known.put(frame.schema(), reader);
    }
    return reader instanceof AvroReader good ? read(good, value, frame.at()) : reader;
  }

  private static Object read(AvroReader reader, byte[] value, int at) {
    try {
      return reader.read(value, at);
    } catch (Malformed malformed) {
      return "malformed";
    }
  }

  private Object asked(String schema) {
    Optional<Registry.Registered> found = registry.find(schema);
    if (found.isEmpty() || !found.get().kind().equals("AVRO")) {
      return "unknown_schema";
    }
    AvroType writer;
    try {
      writer = AvroSchema.read(found.get().text(), found.get().references().values());
    } catch (AvroSchema.Unreadable error) {
      return "unknown_schema";
    }
    return writer.kind.equals("record") ? new AvroReader(writer, root) : "not_object";
  }
}
