// Durations and times: all in ms since 1970, shown in a named zone.

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** ms of "90s"; NaN if it is none. */
export function durationMs(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Number(match[1]) * UNITS_MS[match[2]!]! : NaN;
}

/** The shortest text that reads back: 90000 -> "90s". */
export function durationText(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    if (ms > 0 && ms % UNITS_MS[unit]! === 0) return `${ms / UNITS_MS[unit]!}${unit}`;
  }
  return `${ms}ms`;
}

/** A duration for people, two units at most: 412 ms, 3.4 s, 2 min 5 s, 3 h 20 min. */
export function spoken(ms: number): string {
  const sign = ms < 0 ? "−" : "";
  const size = Math.abs(ms);
  if (size < 1_000) return `${sign}${Math.round(size)} ms`;
  if (size < 10_000) return `${sign}${(Math.floor(size / 100) / 10).toFixed(1)} s`;
  if (size < MINUTE_MS) return `${sign}${Math.floor(size / 1_000)} s`;
  const pairs: [number, string, number, string][] = [
    [DAY_MS, "d", HOUR_MS, "h"],
    [HOUR_MS, "h", MINUTE_MS, "min"],
    [MINUTE_MS, "min", 1_000, "s"],
  ];
  for (const [big, bigName, small, smallName] of pairs) {
    if (size >= big) {
      const rest = Math.floor((size % big) / small);
      return `${sign}${Math.floor(size / big)} ${bigName}${rest ? ` ${rest} ${smallName}` : ""}`;
    }
  }
  return "";
}

/** How long ago, in one unit: 12 s ago, 3 min ago. */
export function ago(ms: number): string {
  const size = Math.max(0, ms);
  return `${size < 10_000 ? spoken(size) : spoken(size).split(" ").slice(0, 2).join(" ")} ago`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function parts(ms: number, zone: string): Record<string, string> {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone, format);
  }
  const found: Record<string, string> = {};
  for (const part of format.formatToParts(ms)) found[part.type] = part.value;
  return found;
}

export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** 2026-11-29 */
export function dayText(ms: number, zone: string): string {
  const at = parts(ms, zone);
  return `${at.year}-${at.month}-${at.day}`;
}

/** 14:05 or 14:05:09 */
export function clockText(ms: number, zone: string, seconds = false): string {
  const at = parts(ms, zone);
  return `${at.hour}:${at.minute}${seconds ? `:${at.second}` : ""}`;
}

/** 2026-11-29 14:05, with seconds where there are some. */
export function momentText(ms: number, zone: string, seconds: "always" | "needed" = "needed"): string {
  const withSeconds = seconds === "always" || ms % MINUTE_MS !== 0;
  return `${dayText(ms, zone)} ${clockText(ms, zone, withSeconds)}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 29 Nov; with the year where it is another than today's. */
export function shortDay(ms: number, zone: string, today = ms): string {
  const at = parts(ms, zone);
  const year = parts(today, zone).year === at.year ? "" : ` ${at.year}`;
  return `${Number(at.day)} ${MONTHS[Number(at.month) - 1]}${year}`;
}

/** 14:05:09, and the day before it where that is not today. */
export function lately(ms: number, zone: string, today: number): string {
  const day = dayText(ms, zone) === dayText(today, zone) ? "" : `${shortDay(ms, zone, today)} `;
  return day + clockText(ms, zone, true);
}

/** From one time to another, without saying twice what is the same: 14:05 – 15:05, or 28 Nov 23:00 – 29 Nov 01:00. */
export function spanText(start: number, end: number, zone: string, today: number): string {
  const sameDay = dayText(start, zone) === dayText(end - 1, zone);
  const seconds = end - start < 2 * MINUTE_MS;
  if (sameDay && dayText(start, zone) === dayText(today, zone)) {
    return `${clockText(start, zone, seconds)} – ${clockText(end, zone, seconds)}`;
  }
  const from = `${shortDay(start, zone, today)} ${clockText(start, zone, seconds)}`;
  return `${from} – ${sameDay ? "" : `${shortDay(end, zone, today)} `}${clockText(end, zone, seconds)}`;
}

/** How far a zone is ahead of UTC at a time, ms. */
function offsetMs(ms: number, zone: string): number {
  const at = parts(ms, zone);
  const shown = Date.UTC(
    Number(at.year), Number(at.month) - 1, Number(at.day), Number(at.hour), Number(at.minute), Number(at.second),
  );
  return shown - Math.floor(ms / 1_000) * 1_000;
}

/** The first moment of the day that a time lies in. */
export function midnight(ms: number, zone: string): number {
  const [year, month, day] = dayText(ms, zone).split("-").map(Number) as [number, number, number];
  return fromWall(Date.UTC(year, month - 1, day), zone);
}

/** The time at which a zone's clocks show what UTC shows at `wall`; the first of two where clocks go back. */
export function fromWall(wall: number, zone: string): number {
  const candidates = [wall - offsetMs(wall - DAY_MS, zone), wall - offsetMs(wall + DAY_MS, zone)];
  for (const each of candidates.sort((one, other) => one - other)) {
    if (each + offsetMs(each, zone) === wall) return each;
  }
  return candidates[0]!;
}

/** For <input type="datetime-local">: 2026-11-29T14:05 */
export function wallText(ms: number, zone: string): string {
  return `${dayText(ms, zone)}T${clockText(ms, zone)}`;
}

export function isoText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** ms of an ISO text; a text without a zone is UTC. */
export function isoMs(text: string): number {
  const plain = text.trim().replace(" ", "T");
  return Date.parse(/([zZ]|[+-]\d\d:?\d\d)$/.test(plain) ? plain : `${plain}Z`);
}
