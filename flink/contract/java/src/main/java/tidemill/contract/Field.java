package tidemill.contract;

/** One field of a field table, or an object of several. */
final class Field {
  String name;
  /** The JSON keys from the record's own object down to it, joined by dots: how a dead letter names it. */
  String path;
  Token key;
  /** The key as a text. */
  String keyText;
  /** What a record's own schema may call it beside its key. */
  String[] former = {};
  Kind kind;
  /** Of a leaf, its place among the columns. */
  int column;
  boolean nullOk;
  boolean mayLack;
  /** Of a leaf: the column's value where the key is absent (byte[], Long, Double, Boolean, Object[] or null). */
  Object absent;

  int minLength = 0;
  int maxLength = Integer.MAX_VALUE;
  long low = Long.MIN_VALUE;
  long high = Long.MAX_VALUE;
  long[] multiples = {};
  double floatGe = Double.NEGATIVE_INFINITY;
  double floatGt = Double.NaN;
  double floatLe = Double.POSITIVE_INFINITY;
  double floatLt = Double.NaN;
  Token[] textChoices;
  long[] intChoices;

  /** Of an event time as text: how many decimal digits a millisecond has of the unit of digits; -3 for seconds. */
  int digitsPerMs;
  Zone zone;
  /** Of a list, or of an object that is kept as text: each value in it; null where it may be anything. */
  Field element;

  /** Of an object. */
  Field[] children;
  /** Of an object: the values of its leaves where its key is absent; null where they are all null. */
  Object[] absentLeaves;
  int firstColumn;
  int endColumn;
  /** Of an object: where its children's values begin and end, -1 for absent ones; of the record at hand. */
  int[] starts;
  int[] ends;

  boolean takes(long number) {
    if (number < low || number > high) {
      return false;
    }
    for (long step : multiples) {
      if (number % step != 0) {
        return false;
      }
    }
    if (intChoices == null) {
      return true;
    }
    for (long choice : intChoices) {
      if (choice == number) {
        return true;
      }
    }
    return false;
  }

  boolean takes(double number) {
    return number >= floatGe && number <= floatLe && !(number <= floatGt) && !(number >= floatLt);
  }

  boolean takesLength(int length) {
    return length >= minLength && length <= maxLength;
  }
}
