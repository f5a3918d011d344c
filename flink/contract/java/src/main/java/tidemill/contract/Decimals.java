package tidemill.contract;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Decimals that are no text: to millionths, and the shortest ones that doubles stand for. */
final class Decimals {
  private static final double MICROS = 1e6;
  private static final double FAR = 1e12;
  /** Decimals of 15 digits at most are told apart by doubles. */
  private static final double FEW_DIGITS = 1e15;
  private static final int MONEY_DECIMALS = 6;
  private static final int WHOLE_DIGITS = 12;
  private static final int MOST_DIGITS = 17;
  private static final RoundingMode[] WAYS = {RoundingMode.HALF_EVEN, RoundingMode.DOWN, RoundingMode.UP};

  private Decimals() {}

  /** The millionths of an amount; {@link Numbers#NONE} with more decimals, or from 10^12. */
  static long micros(BigDecimal amount) {
    if (amount.signum() == 0) {
      return 0;
    }
    int digits = amount.precision();
    if ((long) digits - amount.scale() > WHOLE_DIGITS || (long) amount.scale() - MONEY_DECIMALS >= digits) {
      return Numbers.NONE;
    }
    try {
      return amount.setScale(MONEY_DECIMALS, RoundingMode.UNNECESSARY).unscaledValue().longValueExact();
    } catch (ArithmeticException inexact) {
      return Numbers.NONE;
    }
  }

  /** The same of a whole number. */
  static long micros(long amount) {
    return amount > -(long) FAR && amount < (long) FAR ? amount * (long) MICROS : Numbers.NONE;
  }

  /** The same of the shortest decimal that reads as this double. */
  static long micros(double amount) {
    if (!(Math.abs(amount) < FAR)) {
      return Numbers.NONE;
    }
    double micros = Math.rint(amount * MICROS);
    if (Math.abs(micros) < FEW_DIGITS && micros / MICROS == amount) {
      return (long) micros;
    }
    return micros(shortest(amount));
  }

  /** The shortest decimal that reads as a finite double, of those the nearest: Java 17's own text of it may be longer. */
  static BigDecimal shortest(double number) {
    BigDecimal exact = new BigDecimal(number);
    for (int digits = 1; digits < MOST_DIGITS; digits++) {
      BigDecimal found = null;
      for (RoundingMode way : WAYS) {
        BigDecimal near = exact.round(new MathContext(digits, way));
        if (near.doubleValue() == number && (found == null || isNearer(near, found, exact))) {
          found = near;
        }
      }
      if (found != null) {
        return found;
      }
    }
    return exact.round(new MathContext(MOST_DIGITS, RoundingMode.HALF_EVEN));
  }

  private static boolean isNearer(BigDecimal one, BigDecimal other, BigDecimal to) {
    return one.subtract(to).abs().compareTo(other.subtract(to).abs()) < 0;
  }

  /** A finite double as a JSON number: of 16 digits before the point and 5 zeros behind it at most without an exponent. */
  static String json(double number) {
    if (number == 0) {
      return 1 / number < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = shortest(Math.abs(number)).stripTrailingZeros();
    String digits = shortest.unscaledValue().toString();
    int point = digits.length() - shortest.scale();
    StringBuilder text = new StringBuilder(number < 0 ? "-" : "");
    if (point > 16 || point <= -5) {
      text.append(digits.charAt(0));
      if (digits.length() > 1) {
        text.append('.').append(digits, 1, digits.length());
      }
      return text.append('e').append(point - 1).toString();
    }
    if (point <= 0) {
      return text.append("0.").append("0".repeat(-point)).append(digits).toString();
    }
    if (point >= digits.length()) {
      return text.append(digits).append("0".repeat(point - digits.length())).append(".0").toString();
    }
    return text.append(digits, 0, point).append('.').append(digits, point, digits.length()).toString();
  }
}
