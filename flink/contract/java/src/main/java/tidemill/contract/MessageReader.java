package tidemill.contract;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads Protobuf's bytes as Google's own readers do: a field in another wire type than its own is an unknown one, which is
 * read over, of a field that comes twice the last one counts, and messages are merged. One instance serves one thread.
 */
final class MessageReader {
  /** Messages, groups and entries of maps may stand in each other this deep below the record itself. */
  private static final int MAX_DEPTH = 100;

  private static final int VARINT = 0;
  private static final int EIGHT = 1;
  private static final int SIZED = 2;
  private static final int BEGIN = 3;
  private static final int END = 4;
  private static final int FOUR = 5;
  private static final int SHORT_BYTES = 5;
  private static final int MOST_BYTES = 10;
  /** No group has ended. */
  private static final int NONE = 0;

  private byte[] v;
  private int at;
  /** The number of the group that has just ended. */
  private int ended;

  /** The message that stands in a value from `from` on. */
  Message read(byte[] value, int from, MessageType type) throws Malformed {
    v = value;
    at = from;
    ended = NONE;
    Message message = new Message(type);
    fields(message, type, value.length, 0);
    if (ended != NONE) {
      throw Malformed.BODY;
    }
    return message;
  }

  /** Reads fields up to `end`, or behind the end of a group. Whether one was unknown. */
  private boolean fields(Message into, MessageType type, int end, int depth) throws Malformed {
    boolean unknown = false;
    while (at < end) {
      long tag = varint(end, SHORT_BYTES);
      if (tag < 0 || tag > 0xffffffffL) {
        throw Malformed.BODY;
      }
      int number = (int) (tag >>> 3);
      int wire = (int) tag & 7;
      if (wire == END) {
        if (number == 0) {
          throw Malformed.BODY;
        }
        ended = number;
        return unknown;
      }
      MessageType.Member member = type == null ? null : type.byNumber.get(number);
      if (member == null || !known(into, member, wire, end, depth)) {
        unknown = true;
        skip(number, wire, end, depth);
      }
    }
    return unknown;
  }

  /** Reads a field in its own wire type; false, with nothing read, in another one. */
  private boolean known(Message into, MessageType.Member member, int wire, int end, int depth) throws Malformed {
    int own = wireOf(member.type);
    if (wire == own) {
      if (member.isMap) {
        return entry(into, member, end, depth);
      }
      if (member.isNested()) {
        nested(into, member, end, depth);
        return true;
      }
      if (own == SIZED) {
        put(into, member, text(member, end));
        return true;
      }
      int from = at;
      Object value = scalar(member, end);
      if (value == null) {
        at = from;
        return false;
      }
      put(into, member, value);
      return true;
    }
    if (wire != SIZED || !member.isRepeated || own == SIZED || own == BEGIN) {
      return false;
    }
    packed(into, member, end);
    return true;
  }

  private static int wireOf(int type) {
    return switch (type) {
      case MessageType.DOUBLE, MessageType.FIXED64, MessageType.SFIXED64 -> EIGHT;
      case MessageType.FLOAT, MessageType.FIXED32, MessageType.SFIXED32 -> FOUR;
      case MessageType.STRING, MessageType.BYTES, MessageType.MESSAGE -> SIZED;
      case MessageType.GROUP -> BEGIN;
      default -> VARINT;
    };
  }

  private void put(Message into, MessageType.Member member, Object value) {
    if (member.isRepeated) {
      many(into, member).add(value);
      return;
    }
    for (int other : member.others) {
      into.values[other] = null;
    }
    into.values[member.place] = value;
  }

  @SuppressWarnings("unchecked")
  private static List<Object> many(Message into, MessageType.Member member) {
    if (into.values[member.place] == null) {
      into.values[member.place] = new ArrayList<>();
    }
    return (List<Object>) into.values[member.place];
  }

  private byte[] text(MessageType.Member member, int end) throws Malformed {
    int size = size(end);
    int from = at;
    at += size;
    if (member.isUtf8 && !Utf8.isValid(v, from, at)) {
      throw Malformed.BODY;
    }
    return Arrays.copyOfRange(v, from, at);
  }

  /** A number or a flag; null for a number that a closed enum does not have. */
  private Object scalar(MessageType.Member member, int end) throws Malformed {
    switch (member.type) {
      case MessageType.DOUBLE:
        return Double.longBitsToDouble(little(Double.BYTES, end));
      case MessageType.FLOAT:
        return (double) Float.intBitsToFloat((int) little(Float.BYTES, end));
      case MessageType.FIXED64, MessageType.SFIXED64:
        return little(Long.BYTES, end);
      case MessageType.FIXED32:
        return little(Integer.BYTES, end);
      case MessageType.SFIXED32:
        return (long) (int) little(Integer.BYTES, end);
      default:
    }
    long number = varint(end, MOST_BYTES);
    switch (member.type) {
      case MessageType.BOOL:
        return number != 0;
      case MessageType.INT32:
        return (long) (int) number;
      case MessageType.UINT32:
        return number & 0xffffffffL;
      case MessageType.SINT32:
        return (long) ((int) number >>> 1 ^ -((int) number & 1));
      case MessageType.SINT64:
        return number >>> 1 ^ -(number & 1);
      case MessageType.ENUM:
        Long symbol = (long) (int) number;
        return member.names.isClosed && !member.names.names.containsKey(symbol) ? null : symbol;
      default:
        return number;
    }
  }

  private void packed(Message into, MessageType.Member member, int end) throws Malformed {
    int size = size(end);
    int until = at + size;
    int own = wireOf(member.type);
    if (own != VARINT && size % (own == EIGHT ? Long.BYTES : Integer.BYTES) != 0) {
      throw Malformed.BODY;
    }
    List<Object> values = size > 0 ? many(into, member) : null;
    while (at < until) {
      Object value = scalar(member, until);
      if (value != null) {
        values.add(value);
      }
    }
  }

  private void nested(Message into, MessageType.Member member, int end, int depth) throws Malformed {
    Message inner = null;
    if (!member.isRepeated && into.values[member.place] instanceof Message known) {
      inner = known;
    }
    if (inner == null) {
      inner = new Message(member.of);
      put(into, member, inner);
    }
    below(inner, member, end, depth);
  }

  /** Reads a message of its size, or a group up to its end. Whether a field in it was unknown. */
  private boolean below(Message inner, MessageType.Member member, int end, int depth) throws Malformed {
    if (member.type == MessageType.GROUP) {
      return group(inner, member.of, member.number, end, depth);
    }
    int until = size(end);
    until += at;
    check(depth);
    boolean unknown = fields(inner, member.of, until, depth + 1);
    if (ended != NONE) {
      throw Malformed.BODY;
    }
    return unknown;
  }

  private boolean group(Message inner, MessageType type, int number, int end, int depth) throws Malformed {
    check(depth);
    boolean unknown = fields(inner, type, end, depth + 1);
    if (ended != number) {
      throw Malformed.BODY;
    }
    ended = NONE;
    return unknown;
  }

  private static void check(int depth) throws Malformed {
    if (depth >= MAX_DEPTH) {
      throw Malformed.BODY;
    }
  }

  /** Reads an entry of a map. One with an unknown field is an unknown field itself, which has been read over. */
  @SuppressWarnings("unchecked")
  private boolean entry(Message into, MessageType.Member member, int end, int depth) throws Malformed {
    Message entry = new Message(member.of);
    if (below(entry, member, end, depth)) {
      return true;
    }
    MessageType.Member key = member.of.members[0];
    MessageType.Member value = member.of.members[1];
    Object name = entry.values[0] == null ? zero(key) : entry.values[0];
    Object held = entry.values[1] == null ? zero(value) : entry.values[1];
    if (into.values[member.place] == null) {
      into.values[member.place] = new LinkedHashMap<>();
    }
    Map<Object, Object> entries = (Map<Object, Object>) into.values[member.place];
    entries.put(name instanceof byte[] text ? ByteBuffer.wrap(text) : name, held);
    return true;
  }

  /** What a field holds that is not there. */
  static Object zero(MessageType.Member member) {
    return switch (member.type) {
      case MessageType.DOUBLE, MessageType.FLOAT -> 0.0;
      case MessageType.BOOL -> Boolean.FALSE;
      case MessageType.STRING, MessageType.BYTES -> new byte[0];
      case MessageType.MESSAGE, MessageType.GROUP -> new Message(member.of);
      default -> 0L;
    };
  }

  /** Reads over an unknown field. */
  private void skip(int number, int wire, int end, int depth) throws Malformed {
    if (number == 0) {
      throw Malformed.BODY;
    }
    switch (wire) {
      case VARINT -> varint(end, MOST_BYTES);
      case EIGHT -> little(Long.BYTES, end);
      case FOUR -> little(Integer.BYTES, end);
      case SIZED -> {
        int size = size(end);
        at += size;
      }
      case BEGIN -> group(null, null, number, end, depth);
      default -> throw Malformed.BODY;
    }
  }

  private int size(int end) throws Malformed {
    long size = varint(end, SHORT_BYTES);
    if (size < 0 || size > end - at) {
      throw Malformed.BODY;
    }
    return (int) size;
  }

  /** A number of so many bytes at most; bits beyond the 64th are cut off. */
  private long varint(int end, int most) throws Malformed {
    long number = 0;
    for (int i = 0; i < most; i++) {
      if (at >= end) {
        throw Malformed.BODY;
      }
      byte next = v[at++];
      number |= (next & 0x7fL) << 7 * i;
      if (next >= 0) {
        return number;
      }
    }
    throw Malformed.BODY;
  }

  private long little(int bytes, int end) throws Malformed {
    if (bytes > end - at) {
      throw Malformed.BODY;
    }
    long number = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      number = number << 8 | v[at + i] & 0xff;
    }
    at += bytes;
    return number;
  }
}
