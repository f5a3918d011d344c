package tidemill.contract;

/** Which schema of a registry a record names, as the path of its question, and where the body begins. */
record Frame(String schema, int at) {
  private static final int ID_BYTES = 5;
  private static final int GUID_BYTES = 17;
  private static final int[] GROUPS = {4, 6, 8, 10};

  /** Of a value and of its header of the newer form, null without one; null where neither names a schema. */
  static Frame of(byte[] value, byte[] header) {
    if (header == null) {
      return of(value);
    }
    Frame named = of(header);
    return named == null || named.at != header.length ? null : new Frame(named.schema, 0);
  }

  /** Where a value's body begins: behind the frame that it begins with, if any. */
  static int bodyAt(byte[] value) {
    return value[0] == 0 && value.length >= ID_BYTES ? ID_BYTES : isGuid(value) ? GUID_BYTES : 0;
  }

  private static boolean isGuid(byte[] value) {
    return value[0] == 1 && value.length >= GUID_BYTES;
  }

  private static Frame of(byte[] value) {
    if (value.length == 0) {
      return null;
    }
    if (value[0] == 0 && value.length >= ID_BYTES) {
      long id = 0;
      for (int i = 1; i < ID_BYTES; i++) {
        id = id << 8 | value[i] & 0xff;
      }
      return new Frame("ids/" + id, ID_BYTES);
    }
    if (!isGuid(value)) {
      return null;
    }
    StringBuilder guid = new StringBuilder("guids/");
    for (int i = 0; i < GUID_BYTES - 1; i++) {
      for (int group : GROUPS) {
        if (i == group) {
          guid.append('-');
        }
      }
      guid.append(Character.forDigit(value[i + 1] >> 4 & 15, 16)).append(Character.forDigit(value[i + 1] & 15, 16));
    }
    return new Frame(guid.toString(), GUID_BYTES);
  }
}
