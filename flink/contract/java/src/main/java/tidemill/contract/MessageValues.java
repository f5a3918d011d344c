package tidemill.contract;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** From a message to the values that a field table asks for, as dataflow/decode/protobuf/reader.py does. */
final class MessageValues {
  private static final long MOST_SECONDS = 1L << 53;
  private static final long NANOS_PER_MS = 1_000_000;

  /** What becomes of a field's value. */
  private interface Take {
    Object of(Object value);
  }

  /** A field that is read: the key of the model, the message's field, what becomes of it. */
  private record Part(String key, MessageType.Member member, Take take) {}

  private final Part[] parts;

  /** What reads messages of this type for an object of the field table. */
  MessageValues(MessageType type, Field node) {
    List<Part> found = new ArrayList<>();
    for (Field child : node.children) {
      MessageType.Member member = memberOf(type, child);
      if (member != null) {
        found.add(new Part(child.keyText, member, take(member, child)));
      }
    }
    parts = found.toArray(new Part[0]);
  }

  /** By the keys that the field table asks for; a field whose absence shows, and that is absent, is not there. */
  Map<?, ?> of(Message message) {
    Map<String, Object> found = new HashMap<>(2 * parts.length);
    for (Part part : parts) {
      Object value = message.values[part.member.place];
      if (value == null && part.member.shows) {
        continue;
      }
      if (value == null && !part.member.isRepeated) {
        value = MessageReader.zero(part.member);
      }
      found.put(part.key, part.take.of(value));
    }
    return found;
  }

  /** The message's field that `child` reads: of its name, or of one that it had. */
  private static MessageType.Member memberOf(MessageType type, Field child) {
    MessageType.Member member = type.byName.get(child.keyText);
    for (int i = 0; member == null && i < child.former.length; i++) {
      member = type.byName.get(child.former[i]);
    }
    return member;
  }

  private static Take take(MessageType.Member member, Field child) {
    if (child.kind == Kind.LIST || child.kind == Kind.JSON) {
      return value -> whole(member, value);
    }
    if (member.isRepeated) {
      return value -> Typed.OTHER;
    }
    if (!member.isNested()) {
      return value -> plain(member, value);
    }
    if (member.of.isTimestamp) {
      return value -> stamp((Message) value);
    }
    if (child.kind != Kind.OBJECT) {
      return value -> Typed.OTHER;
    }
    MessageValues inner = new MessageValues(member.of, child);
    return value -> inner.of((Message) value);
  }

  /** All of a field: a repeated one as a list, a map and a message as a map by text. */
  private static Object whole(MessageType.Member member, Object value) {
    if (member.isMap) {
      return entries(member.of.members[1], value == null ? Map.of() : (Map<?, ?>) value);
    }
    if (!member.isRepeated) {
      return one(member, value);
    }
    List<Object> found = new ArrayList<>();
    if (value instanceof List<?> values) {
      values.forEach(each -> found.add(one(member, each)));
    }
    return found;
  }

  private static Object entries(MessageType.Member of, Map<?, ?> entries) {
    Map<String, Object> values = new HashMap<>();
    for (Map.Entry<?, ?> entry : entries.entrySet()) {
      Object key = entry.getKey();
      if (key instanceof ByteBuffer text) {
        if (!Utf8.isValid(text.array(), 0, text.array().length)) {
          return Typed.OTHER;
        }
        key = TypedJudge.string(text.array());
      }
      values.put(String.valueOf(key), one(of, entry.getValue()));
    }
    byte[][] keys = values.keySet().stream().map(key -> key.getBytes(StandardCharsets.UTF_8)).toArray(byte[][]::new);
    Arrays.sort(keys, Arrays::compareUnsigned);
    Map<String, Object> found = new LinkedHashMap<>();
    for (byte[] key : keys) {
      found.put(TypedJudge.string(key), values.get(TypedJudge.string(key)));
    }
    return found;
  }

  private static Object one(MessageType.Member member, Object value) {
    if (!member.isNested()) {
      return plain(member, value);
    }
    Message message = (Message) value;
    if (member.of.isTimestamp) {
      return stamp(message);
    }
    Map<String, Object> found = new LinkedHashMap<>();
    for (MessageType.Member each : member.of.members) {
      Object inner = message.values[each.place];
      if (isListed(each, inner)) {
        found.put(each.name, whole(each, inner));
      }
    }
    return found;
  }

  /** Whether a field is one of those that a message has. */
  private static boolean isListed(MessageType.Member member, Object value) {
    if (value == null) {
      return false;
    }
    if (member.shows || member.isNested() || member.isRepeated) {
      return !(value instanceof List<?> values && values.isEmpty());
    }
    if (value instanceof byte[] text) {
      return text.length > 0;
    }
    return value instanceof Double number
        ? Double.doubleToRawLongBits(number) != 0
        : value instanceof Boolean flag ? flag : (Long) value != 0;
  }

  private static Object plain(MessageType.Member member, Object value) {
    switch (member.type) {
      case MessageType.BYTES:
        return Typed.OTHER;
      case MessageType.STRING:
        byte[] text = (byte[]) value;
        return member.isUtf8 || Utf8.isValid(text, 0, text.length) ? text : Typed.OTHER;
      case MessageType.ENUM:
        byte[] name = member.names.names.get((Long) value);
        return name != null ? name : value.toString().getBytes(StandardCharsets.US_ASCII);
      case MessageType.UINT64, MessageType.FIXED64:
        long number = (Long) value;
        return number < 0 ? (Object) new BigInteger(Long.toUnsignedString(number)) : (Object) number;
      default:
        return value;
    }
  }

  /** Of a google.protobuf.Timestamp. */
  private static Object stamp(Message message) {
    long seconds = 0;
    long nanos = 0;
    for (MessageType.Member each : message.type.members) {
      if (message.values[each.place] instanceof Long number) {
        seconds = each.number == 1 ? number : seconds;
        nanos = each.number == 2 ? number : nanos;
      }
    }
    seconds = Math.max(-MOST_SECONDS, Math.min(MOST_SECONDS, seconds));
    return new Typed.Stamp(seconds * 1_000 + Math.floorDiv(nanos, NANOS_PER_MS), Math.floorMod(nanos, NANOS_PER_MS));
  }
}
