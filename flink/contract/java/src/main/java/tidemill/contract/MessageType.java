package tidemill.contract;

import java.util.HashMap;
import java.util.Map;

/** A Protobuf message as its descriptor says it; a message that contains itself does so here as well. */
final class MessageType {
  // As google.protobuf.FieldDescriptorProto.Type has them.
  static final int DOUBLE = 1;
  static final int FLOAT = 2;
  static final int INT64 = 3;
  static final int UINT64 = 4;
  static final int INT32 = 5;
  static final int FIXED64 = 6;
  static final int FIXED32 = 7;
  static final int BOOL = 8;
  static final int STRING = 9;
  static final int GROUP = 10;
  static final int MESSAGE = 11;
  static final int BYTES = 12;
  static final int UINT32 = 13;
  static final int ENUM = 14;
  static final int SFIXED32 = 15;
  static final int SFIXED64 = 16;
  static final int SINT32 = 17;
  static final int SINT64 = 18;

  /** A field. Its place is that among the message's fields, which are in the order of their numbers. */
  static final class Member {
    String name;
    int number;
    int type;
    int place;
    boolean isRepeated;
    boolean isMap;
    /** Whether its absence shows. */
    boolean shows;
    /** Whether a text of it must be UTF-8. */
    boolean isUtf8;
    /** The places of the other fields of its oneof. */
    int[] others = {};
    /** Of a message, a group or a map's entry. */
    MessageType of;
    EnumType names;

    boolean isNested() {
      return type == MESSAGE || type == GROUP;
    }
  }

  /** An enum: its names by number. A closed one has no other numbers. */
  static final class EnumType {
    boolean isClosed;
    final Map<Long, byte[]> names = new HashMap<>();
  }

  /** Whether it is google.protobuf.Timestamp. */
  boolean isTimestamp;
  Member[] members = {};
  final Map<Integer, Member> byNumber = new HashMap<>();
  final Map<String, Member> byName = new HashMap<>();
}
