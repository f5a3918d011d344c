package tidemill.contract;

/**
 * A message that was read: what stands at a field's place, null where nothing does. A whole number, also one of an enum, is a
 * Long of its bits; bytes and a text are byte[]; many are a List, a map's entries a Map.
 */
final class Message {
  final MessageType type;
  final Object[] values;

  Message(MessageType type) {
    this.type = type;
    values = new Object[type.members.length];
  }
}
