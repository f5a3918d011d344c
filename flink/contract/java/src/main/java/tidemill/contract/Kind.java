package tidemill.contract;

/** What a field holds; its name in small letters is its word in a field table. */
enum Kind {
  STR,
  INT,
  BOOL,
  FLOAT,
  MONEY,
  MONEY_TEXT,
  DATE,
  TIME_S,
  TIME_MS,
  TIME_US,
  TIME_NS,
  TIME_TEXT,
  TIME_FORM,
  LIST,
  JSON,
  OBJECT;

  boolean isTime() {
    return ordinal() >= TIME_S.ordinal() && ordinal() <= TIME_FORM.ordinal();
  }
}
