package tidemill.contract;

/** A body is not what its schema says. */
final class Malformed extends Exception {
  private static final long serialVersionUID = 1L;

  /** The only one, without a trace of its own: what is wrong with a record is told by nothing but its reason. */
  static final Malformed BODY = new Malformed();

  private Malformed() {
    super("a body is not what its schema says", null, false, false);
  }
}
