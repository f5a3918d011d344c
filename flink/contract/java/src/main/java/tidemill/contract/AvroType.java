package tidemill.contract;

import java.util.ArrayList;
import java.util.List;

/**
 * One type of an Avro schema, every name resolved: a record that contains itself does so here as well. What a kind does not
 * have is empty.
 */
final class AvroType {
  /** A record's field: its name, other names that it had, its type. */
  record Member(String name, List<String> aliases, AvroType type) {}

  final String kind;
  /** The logical type, where it changes what a value is. */
  String logical;
  final List<Member> fields = new ArrayList<>();
  byte[][] symbols = {};
  int size;
  int scale;
  AvroType items;
  List<AvroType> branches = List.of();

  AvroType(String kind) {
    this.kind = kind;
  }
}
