// Boards as the server tells them, and what each panel asks for.

import type { State } from "./state";
import { DAY_MS, HOUR_MS, MINUTE_MS, durationMs, durationText, isoText, midnight } from "./times";

export interface Panel {
  kind: string;
  title: string;
  width: number;
  help?: string;
  section?: string;
  rollup?: string;
  report?: string;
  parameters?: Record<string, string>;
  show?: string[];
  key?: string;
  last?: string;
  top?: number;
  every?: string;
  compare?: string;
  draw?: "bars" | "line";
  units?: Record<string, string>;
}

export interface BoardLine {
  name: string;
  title: string;
  help: string;
}

export interface Board extends BoardLine {
  last: string;
  made: boolean;
  panels: Panel[];
}

export interface Aggregate {
  name: string;
  kind: string;
  additive: boolean;
  type: string;
}

/** A table, a view or a rollup of /schema. */
export interface Relation {
  name: string;
  kind: string;
  columns: { name: string; type: string }[];
  keys?: (string | { name: string })[];
  aggregates?: Aggregate[];
  window?: { kind: string; size_ms: number; slide_ms: number };
}

export interface Schema {
  tables: Relation[];
  pipeline?: { name?: string };
}

/** [start, end) in ms, and whether it moves on with the clock. */
export interface Span {
  start: number;
  end: number;
  isLive: boolean;
}

export function keysOf(relation: Relation | undefined): string[] {
  return (relation?.keys ?? []).map((key) => (typeof key === "string" ? key : key.name));
}

/** The range that a panel shows: the page's, or its own that ends where the page's does. */
export function spanOf(panel: Panel, state: State, boardLast: string, now: number): Span {
  const range = state.range ?? { last: boardLast, start: 0, end: 0 };
  const end = range.last ? now : range.end;
  const own = panel.last ?? range.last;
  const isLive = range.last !== null && !state.asOf;
  if (own === null) return { start: range.start, end, isLive };
  // an end that stands between days belongs to the day before it
  const start = own === "today" ? midnight(isLive ? end : end - 1, state.zone) : end - durationMs(own);
  return { start, end, isLive };
}

const STEPS_MS = [
  1_000, 2_000, 5_000, 10_000, 15_000, 30_000,
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR_MS),
  ...[1, 7, 28].map((n) => n * DAY_MS),
];
const MOST_STEPS = 125;

/** Whether windows lie side by side, so that they can be added up over time. */
export function addsOverTime(relation: Relation | undefined): boolean {
  const window = relation?.window;
  return !window || window.kind === "session" || window.size_ms === window.slide_ms;
}

/** The step of a chart, ms: the panel's, or the finest that is not too fine. */
export function stepOf(panel: Panel, relation: Relation | undefined, span: Span): number {
  const window = relation?.window;
  const least = window && window.kind !== "session" ? window.slide_ms : 1_000;
  if (!addsOverTime(relation)) return least;
  const asked = panel.every ? durationMs(panel.every) : 0;
  if (asked && asked % least === 0 && (span.end - span.start) / asked <= 1_000) return asked;
  const fit = STEPS_MS.find((step) => step >= least && step % least === 0 && (span.end - span.start) / step <= MOST_STEPS);
  return fit ?? Math.ceil((span.end - span.start) / MOST_STEPS / least) * least;
}

function ranged(query: URLSearchParams, panel: Panel, state: State, span: Span, boardLast: string): void {
  const own = panel.last ?? state.range?.last ?? boardLast;
  if (span.isLive && own !== "today") {
    query.set("last", own);
    query.set("at", "now");
  } else {
    query.set("start", isoText(Math.floor(span.start)));
    // what is of today may go on
    if (!span.isLive) query.set("end", isoText(Math.ceil(span.end)));
  }
}

/** The filters that a relation with these keys can follow, and those it cannot. */
export function followed(keys: string[], state: State, but = ""): { can: [string, string[]][]; cannot: string[] } {
  const all = Object.entries(state.filters).filter(([key]) => key !== but);
  return { can: all.filter(([key]) => keys.includes(key)), cannot: all.map(([key]) => key).filter((key) => !keys.includes(key)) };
}

function finished(path: string, query: URLSearchParams, state: State): string {
  if (state.asOf) query.set("as_of", state.asOf);
  const text = query.toString().replaceAll("%3A", ":");
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

const LATE_STEP_MS = 5 * MINUTE_MS;

/** The corrected windows of a range; its start moves on in steps, so that many ask the same. */
export function lateOf(top: number, span: Span): string {
  return `late/windows?limit=${top}&start=${isoText(Math.floor(span.start / LATE_STEP_MS) * LATE_STEP_MS)}`;
}

/** What a panel asks for: its own question, and for a comparison a second one under the id with a c behind it. */
export function questions(
  id: string, panel: Panel, relation: Relation | undefined, state: State, boardLast: string, now: number,
): [string, string][] {
  const query = new URLSearchParams();
  switch (panel.kind) {
    case "figures":
      return [[id, finished("status", query, state)]];
    case "alerts":
      return [[id, "doctor"]];
    case "partitions":
      return [[id, finished("status", query, state)]];
    case "late":
      return [[id, finished(lateOf(panel.top ?? 10, spanOf(panel, state, boardLast, now)), query, state)]];
    case "dead_letters":
      return [[id, finished("dead-letters/reasons", query, state)]];
    case "report":
      for (const [name, value] of Object.entries(panel.parameters ?? {})) query.set(name, value);
      if (state.zone !== "UTC") query.set("tz", state.zone);
      return [[id, finished(`reports/${panel.report}`, query, state)]];
  }
  const span = spanOf(panel, state, boardLast, now);
  const path = `reports/${panel.rollup}`;
  const { can } = followed(keysOf(relation), state, panel.kind === "top" ? panel.key : "");
  const filter = (into: URLSearchParams): void => {
    for (const [key, values] of can) for (const value of values) into.append(`key.${key}`, value);
  };
  if (panel.kind === "chart") {
    const step = stepOf(panel, relation, span);
    // windows that overlap are not added up over time, only over keys
    if (addsOverTime(relation)) query.set("every", durationText(step));
    query.set("group", "");
    query.set("limit", "2000");
    filter(query);
    const asked: [string, string][] = [];
    const shifted = new URLSearchParams(query);
    if (state.zone !== "UTC" && step > HOUR_MS) query.set("tz", state.zone);
    ranged(query, panel, state, span, boardLast);
    asked.push([id, finished(path, query, state)]);
    if (panel.compare) {
      const back = durationMs(panel.compare);
      shifted.set("start", isoText(Math.floor(span.start / step) * step - back));
      shifted.set("end", isoText(Math.ceil(span.end / step) * step - back));
      asked.push([`${id}c`, finished(path, shifted, state)]);
    }
    return asked;
  }
  filter(query);
  if (panel.kind === "top") {
    query.set("total", "true");
    query.set("group", panel.key!);
    query.set("by", panel.show![0]!);
  } else query.set("by", "window_start");
  query.set("top", String(panel.top ?? 10));
  ranged(query, panel, state, span, boardLast);
  return [[id, finished(path, query, state)]];
}
