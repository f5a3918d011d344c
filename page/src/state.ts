// All that a viewer has chosen, in the page's address: a link shows the same, and Back undoes a choice.

import { durationMs, isoMs, isoText, isZone } from "./times";

export interface Range {
  /** A duration that ends now, or null for a fixed range [start, end). */
  last: string | null;
  start: number;
  end: number;
}

export interface State {
  /** A board's name, or one of VIEWS. "" is the first board. */
  view: string;
  /** null: the board's own. */
  range: Range | null;
  zone: string;
  filters: Record<string, string[]>;
  asOf: string | null;
  paused: boolean;
  refresh: string;
  theme: "" | "light" | "dark";
  /** Panels shown as tables. */
  twins: string[];
  sql: string;
  reason: string;
  /** Which alerts: "raised", "retracted", or both; and of which severity. */
  alerts: string;
  severity: string;
}

export const VIEWS = ["alerts", "pipeline", "dead-letters", "sql"];
export const REFRESH = ["live", "5s", "30s", "1m"];

export function read(search: string): State {
  const given = new URLSearchParams(search);
  const one = (name: string): string => given.get(name) ?? "";
  const start = isoMs(one("start"));
  const end = isoMs(one("end"));
  const last = one("last");
  const filters: Record<string, string[]> = {};
  for (const [name, value] of given) {
    if (name.startsWith("key.")) (filters[name.slice(4)] ??= []).push(value);
  }
  const theme = one("theme");
  return {
    view: one("view"),
    range: durationMs(last) > 0
      ? { last, start: 0, end: 0 }
      : start < end
        ? { last: null, start, end }
        : null,
    zone: isZone(one("tz")) ? one("tz") : "UTC",
    filters,
    asOf: one("as_of") || null,
    paused: given.has("pause"),
    refresh: REFRESH.includes(one("refresh")) ? one("refresh") : "live",
    theme: theme === "light" || theme === "dark" ? theme : "",
    twins: one("table").split(",").filter(Boolean),
    sql: one("sql"),
    reason: one("reason"),
    alerts: ["raised", "retracted"].includes(one("state")) ? one("state") : "",
    severity: one("severity"),
  };
}

export function write(state: State): string {
  const told = new URLSearchParams();
  if (state.view) told.set("view", state.view);
  if (state.range?.last) told.set("last", state.range.last);
  else if (state.range) {
    told.set("start", isoText(state.range.start));
    told.set("end", isoText(state.range.end));
  }
  if (state.zone !== "UTC") told.set("tz", state.zone);
  for (const [key, values] of Object.entries(state.filters)) {
    for (const value of values) told.append(`key.${key}`, value);
  }
  if (state.asOf) told.set("as_of", state.asOf);
  if (state.paused) told.set("pause", "1");
  if (state.refresh !== "live") told.set("refresh", state.refresh);
  if (state.theme) told.set("theme", state.theme);
  if (state.twins.length) told.set("table", state.twins.join(","));
  if (state.view === "sql" && state.sql) told.set("sql", state.sql);
  if (state.view === "dead-letters" && state.reason) told.set("reason", state.reason);
  if (state.view === "alerts") {
    if (state.alerts) told.set("state", state.alerts);
    if (state.severity) told.set("severity", state.severity);
  }
  const text = told.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
  return text ? `?${text}` : location.pathname;
}

/** The same filters with one value put in, or taken out. */
export function toggled(filters: State["filters"], key: string, value: string): State["filters"] {
  const values = filters[key] ?? [];
  const now = values.includes(value) ? values.filter((each) => each !== value) : [...values, value];
  const { [key]: _, ...others } = filters;
  return now.length ? { ...others, [key]: now } : others;
}
