package tidemill.contract;

import java.util.ArrayList;
import java.util.List;

/**
 * Protobuf's messages and enums, as a field table lists them; flink/contract/messages.py writes them. What stands in a wrong
 * way throws ClassCastException, IndexOutOfBoundsException or ArithmeticException.
 */
final class MessageTypes {
  private static final int NONE = -1;
  /** What is listed of a field. */
  private static final int WIDTH = 9;

  private MessageTypes() {}

  /** The first of the messages, with all that they refer to. */
  static MessageType of(List<Object[]> messages, List<Object[]> enums) {
    List<MessageType> types = new ArrayList<>();
    messages.forEach(each -> types.add(new MessageType()));
    List<MessageType.EnumType> named = new ArrayList<>();
    for (Object[] told : enums) {
      MessageType.EnumType made = new MessageType.EnumType();
      made.isClosed = (Boolean) told[0];
      for (int i = 1; i < told.length; i += 2) {
        made.names.put((Long) told[i], (byte[]) told[i + 1]);
      }
      named.add(made);
    }
    for (int i = 0; i < types.size(); i++) {
      fill(types.get(i), messages.get(i), types, named);
    }
    return types.get(0);
  }

  private static void fill(
      MessageType type, Object[] told, List<MessageType> types, List<MessageType.EnumType> enums) {
    type.isTimestamp = (Boolean) told[0];
    type.members = new MessageType.Member[(told.length - 1) / WIDTH];
    long[] oneofs = new long[type.members.length];
    for (int place = 0; place < type.members.length; place++) {
      int at = 1 + place * WIDTH;
      MessageType.Member member = new MessageType.Member();
      member.name = TypedJudge.string((byte[]) told[at]);
      member.number = Math.toIntExact((Long) told[at + 1]);
      member.type = Math.toIntExact((Long) told[at + 2]);
      member.place = place;
      member.isRepeated = (Boolean) told[at + 3];
      member.isMap = (Boolean) told[at + 4];
      member.shows = (Boolean) told[at + 5];
      member.isUtf8 = (Boolean) told[at + 6];
      oneofs[place] = (Long) told[at + 7];
      int refers = Math.toIntExact((Long) told[at + 8]);
      if (member.isNested()) {
        member.of = types.get(refers);
      } else if (member.type == MessageType.ENUM) {
        member.names = enums.get(refers);
      }
      type.members[place] = member;
      type.byNumber.put(member.number, member);
      type.byName.put(member.name, member);
    }
    for (MessageType.Member member : type.members) {
      member.others = others(member, oneofs);
    }
  }

  private static int[] others(MessageType.Member member, long[] oneofs) {
    return java.util.stream.IntStream.range(0, oneofs.length)
        .filter(place -> place != member.place && oneofs[place] != NONE && oneofs[place] == oneofs[member.place])
        .toArray();
  }
}
