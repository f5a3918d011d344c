package tidemill.contract;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Protobuf: one message, bare or in a registry's frame with its place in its file. */
final class MessageBodies implements Bodies {
  private static final int MOST_INDEXES = 64;
  private static final int MOST_SHIFT = 63;

  private final MessageType type;
  private final long[] indexes;
  private final MessageValues values;
  private final MessageReader reader = new MessageReader();
  /** Where every record must be in a frame and name a schema that is known. */
  private final Registry registry;
  /** By the schema that a record names, whether there is one of Protobuf. */
  private final Map<String, Boolean> known = new HashMap<>();

  MessageBodies(FieldTable table) {
    type = table.message;
    indexes = table.indexes;
    values = new MessageValues(type, table.root);
    registry = table.registry == null ? null : Registry.at(table.registry);
  }

  @Override
  public Object read(byte[] value, byte[] header) {
    Frame frame = Frame.of(value, header);
    int from = 0;
    if (frame != null) {
      if (registry != null && !known.computeIfAbsent(frame.schema(), this::isKnown)) {
        return "unknown_schema";
      }
      from = behindIndexes(value, frame.at());
    } else if (registry != null) {
      return "malformed";
    }
    try {
      return from < 0 ? "malformed" : values.of(reader.read(value, from, type));
    } catch (Malformed malformed) {
      return "malformed";
    }
  }

  private boolean isKnown(String schema) {
    Optional<Registry.Registered> found = registry.find(schema);
    return found.isPresent() && found.get().kind().equals("PROTOBUF");
  }

  /** Where the message begins behind its place in its file; -1 where there is none, or that of another message. */
  private int behindIndexes(byte[] value, int at) {
    long[] next = {at, 0};
    if (!zigzag(value, next) || next[1] < 0 || next[1] > MOST_INDEXES) {
      return -1;
    }
    // none stand for the file's first message
    long[] found = new long[next[1] == 0 ? 1 : (int) next[1]];
    for (int i = 0; next[1] != 0 && i < found.length; i++) {
      long[] index = {next[0], 0};
      if (!zigzag(value, index)) {
        return -1;
      }
      next[0] = index[0];
      found[i] = index[1];
    }
    return java.util.Arrays.equals(found, indexes) ? (int) next[0] : -1;
  }

  /** Reads a number at the first place of `into` to the second; false where it ends too late, or is beyond int64. */
  private static boolean zigzag(byte[] value, long[] into) {
    long number = 0;
    int at = (int) into[0];
    for (int shift = 0; shift <= MOST_SHIFT && at < value.length; shift += 7) {
      byte next = value[at++];
      if (shift == MOST_SHIFT && (next & 0x7f) > 1) {
        return false;
      }
      number |= (next & 0x7fL) << shift;
      if (next >= 0) {
        into[0] = at;
        into[1] = number >>> 1 ^ -(number & 1);
        return true;
      }
    }
    return false;
  }
}
