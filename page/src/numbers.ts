// Numbers as texts, exactly: decimals and large integers come as texts and are never made doubles to be shown.

const DIGITS = /^-?\d+(\.\d+)?$/;

/** Rounds the digits of a decimal text half away from zero. */
export function rounded(text: string, places: number): string {
  const negative = text.startsWith("-");
  const [whole = "0", fraction = ""] = (negative ? text.slice(1) : text).split(".");
  const kept = (fraction + "0".repeat(places)).slice(0, places);
  let digits = BigInt(whole + kept);
  if ((fraction[places] ?? "0") >= "5") digits += 1n;
  const all = digits.toString().padStart(places + 1, "0");
  const cut = all.length - places;
  const shown = places ? `${all.slice(0, cut)}.${all.slice(cut)}` : all;
  return negative && digits !== 0n ? `-${shown}` : shown;
}

/** 1234567.5 -> 1,234,567.5 */
export function grouped(text: string): string {
  const [whole = "", fraction] = text.split(".");
  const shown = whole.replace("-", "−").replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? shown : `${shown}.${fraction}`;
}

export function isNumeric(type: string): boolean {
  return /int|decimal|numeric|double|float|real/i.test(type) && !/interval|\[|struct|map/i.test(type);
}

export function isTime(type: string): boolean {
  return /timestamp|datetime/i.test(type);
}

const isWhole = (type: string): boolean => /int/i.test(type);
const isDecimal = (type: string): boolean => /decimal|numeric/i.test(type);

/** Plain digits of a JSON number or text; null where there are none. */
export function digits(value: unknown): string | null {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return null;
    const text = String(value);
    // beyond 1e21, and below 1e-6, nobody reads digits
    return text.includes("e") ? null : text;
  }
  return typeof value === "string" && DIGITS.test(value) ? value : null;
}

/** For a table: thousands, two places of a decimal, a double in short; a unit before ("$") or behind ("ms"). */
export function shown(value: unknown, type: string, unit = ""): string {
  if (value === null || value === undefined) return "–";
  const text = isWhole(type) || isDecimal(type) ? digits(value) : short(value);
  if (text === null) return String(typeof value === "number" ? Number(value.toPrecision(3)) : value);
  return withUnit(grouped(isDecimal(type) ? rounded(text, 2) : text), unit);
}

/** A double without digits that nobody reads: 1234568, 1234.57, 12.346, 0.00123, 7.02e-9. */
function short(value: unknown): string | null {
  if (typeof value !== "number" || !Number.isFinite(value)) return digits(value);
  const size = Math.abs(value);
  if (size >= 1e21 || (size && size < 1e-6)) return null;
  const order = Math.floor(Math.log10(size || 1));
  return String(Number(value.toFixed(order < 0 ? 2 - order : Math.max(0, Math.min(3, 5 - order)))));
}

export function withUnit(text: string, unit: string): string {
  if (!unit) return text;
  if (unit.length > 1 || unit === "%") return `${text} ${unit}`;
  return text.startsWith("−") ? `−${unit}${text.slice(1)}` : unit + text;
}

/** For an axis or a figure: 950, 1.2k, 35k, 1.24M. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(1);
  const sign = value < 0 ? "−" : "";
  for (const [limit, name] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]] as const) {
    if (size >= limit * 0.9995) {
      const scaled = size / limit;
      const places = scaled < 10 ? 2 : scaled < 100 ? 1 : 0;
      return `${sign}${scaled.toFixed(places).replace(/\.?0+$/, (zeros) => (zeros.startsWith(".") ? "" : places ? "" : zeros))}${name}`;
    }
  }
  return sign + (Number.isInteger(size) ? String(size) : size.toFixed(size < 1 ? 3 : 2).replace(/0+$/, "").replace(/\.$/, ""));
}

/** A place on a chart; never shown. */
export function position(value: unknown): number | null {
  const text = digits(value);
  return text !== null ? Number(text) : typeof value === "number" ? value : null;
}
