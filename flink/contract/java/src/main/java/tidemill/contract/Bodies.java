package tidemill.contract;

import java.util.Map;

/** Reads records' bodies of one format. One instance serves one thread. */
interface Bodies {
  /**
   * The fields of a record by the keys that the field table asks for, or a String, which is the reason against it.
   *
   * @param value has a byte at least
   * @param header of the newer frame of a registry, null without one
   */
  Object read(byte[] value, byte[] header);

  /** Those of a field table's records; null where they are JSON. */
  static Bodies of(FieldTable table) {
    if (table.message != null) {
      return new MessageBodies(table);
    }
    return table.avro != null ? new AvroBodies(table) : null;
  }

  /** What {@link #read} found, if it is no reason. */
  static Map<?, ?> fields(Object found) {
    return (Map<?, ?>) found;
  }
}
