package tidemill.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import org.junit.jupiter.api.Test;

/** Doubles as the decimals that stand for them. */
class DecimalsTest {
  @Test
  void theShortestDecimalThatReadsAsADoubleIsFound() {
    assertEquals(new BigDecimal("2E-323"), Decimals.shortest(2e-323));
    assertEquals(new BigDecimal("5E-324"), Decimals.shortest(Double.MIN_VALUE));
    assertEquals(new BigDecimal("2.2250738585072014E-308"), Decimals.shortest(Double.MIN_NORMAL));
    assertEquals(new BigDecimal("5.684341886080802E-14"), Decimals.shortest(Math.scalb(1.0, -44)));
    assertEquals(new BigDecimal("9007199254740992"), Decimals.shortest(9007199254740993.0));
    assertEquals(new BigDecimal("1E+23"), Decimals.shortest(1e23));
  }

  @Test
  void anAmountIsExactOrNone() {
    assertEquals(99_950_000, Decimals.micros(99.95));
    assertEquals(-100_000, Decimals.micros(-0.1));
    assertEquals(0, Decimals.micros(-0.0));
    assertEquals(999_999_999_999_999_000L, Decimals.micros(999999999999.999));
    for (double none : new double[] {1e12, 1e-7, 0.1234567, Double.NaN, Double.NEGATIVE_INFINITY, 5e-324}) {
      assertEquals(Numbers.NONE, Decimals.micros(none));
    }
    assertEquals(12_340_000, Decimals.micros(new BigDecimal("12.3400000000")));
    assertEquals(Numbers.NONE, Decimals.micros(new BigDecimal("1E-2147483647")));
    assertEquals(Numbers.NONE, Decimals.micros(new BigDecimal("1E+12")));
    assertEquals(Numbers.NONE, Decimals.micros(1_000_000_000_000L));
  }

  @Test
  void aDoubleInJsonHasAnExponentOnlyFarFromOne() {
    assertEquals("1000000000000000.0", Decimals.json(1e15));
    assertEquals("1e16", Decimals.json(1e16));
    assertEquals("-1.5e300", Decimals.json(-1.5e300));
    assertEquals("0.00001", Decimals.json(1e-5));
    assertEquals("1.5e-7", Decimals.json(1.5e-7));
    assertEquals("-0.0", Decimals.json(-0.0));
    assertEquals("123456.789", Decimals.json(123456.789));
  }
}
