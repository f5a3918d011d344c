// From answers to what a chart draws: one axis of steps, gaps filled, yesterday moved under today.

import { columnOf, typeOf } from "../api";
import type { Panel, Relation, Span } from "../boards";
import { addsOverTime } from "../boards";
import type { Value } from "../live";
import { position } from "../numbers";
import { durationMs, isoMs } from "../times";
import type { Drawn, Series } from "./chart";

export function drawnOf(
  panel: Panel, relation: Relation | undefined, span: Span, stepMs: number, now: Value, before: Value | null,
): Drawn {
  const starts = timesOf(now, relation, stepMs);
  const back = panel.compare ? durationMs(panel.compare) : 0;
  const earlier = before ? timesOf(before, relation, stepMs).map((time) => time + back) : [];
  const times = axis([...starts, ...earlier], stepMs);
  const series: Series[] = [];
  for (const name of panel.show ?? []) {
    series.push(seriesOf(name, now, starts, times, panel, false));
    if (before) series.push(seriesOf(name, before, earlier, times, panel, true));
  }
  const from = now.provisional_from ? isoMs(now.provisional_from) : null;
  const slide = relation?.window && !addsOverTime(relation) ? relation.window.size_ms - relation.window.slide_ms : 0;
  const count = (span.end - span.start) / stepMs;
  const end = Math.max(Math.ceil(span.end / stepMs) * stepMs, times.length ? times.at(-1)! + stepMs : 0);
  return {
    times,
    stepMs,
    start: Math.floor(span.start / stepMs) * stepMs,
    end: span.isLive || end - span.end < stepMs ? Math.ceil(span.end / stepMs) * stepMs : span.end,
    series,
    provisionalFrom: from === null ? null : from + slide,
    asBars: panel.draw ? panel.draw === "bars" : count <= 48 && addsOverTime(relation),
  };
}

/** Where each row stands: a window that overlaps others stands where its newest step begins. */
function timesOf(table: Value, relation: Relation | undefined, stepMs: number): number[] {
  const name = addsOverTime(relation) ? "window_start" : "window_end";
  const shift = name === "window_end" ? -stepMs : 0;
  return columnOf(table, name).map((text) => isoMs(String(text)) + shift);
}

/** All steps from the first to the last, also those without a row: nothing counted there. */
function axis(times: number[], stepMs: number): number[] {
  const sorted = [...new Set(times)].sort((one, other) => one - other);
  const first = sorted[0];
  const last = sorted.at(-1);
  if (first === undefined || last === undefined) return [];
  if ((last - first) / stepMs > 5_000 || sorted.some((time) => (time - first) % stepMs !== 0)) return sorted;
  return Array.from({ length: (last - first) / stepMs + 1 }, (_, at) => first + at * stepMs);
}

function seriesOf(name: string, table: Value, own: number[], times: number[], panel: Panel, isGhost: boolean): Series {
  const values = columnOf(table, name);
  const at = new Map(own.map((time, index) => [time, values[index]]));
  const [low, high] = [Math.min(...own), Math.max(...own)];
  const filled = times.map((time) => (at.has(time) ? at.get(time) : time > low && time < high ? 0 : null));
  return {
    label: isGhost ? (panel.compare === "1d" ? "the day before" : `${panel.compare} before`) : name,
    type: typeOf(table, name),
    unit: panel.units?.[name] ?? "",
    values: filled,
    points: filled.map(position),
    isGhost,
  };
}
