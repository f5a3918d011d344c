// The row of figures: how fast, how fresh, how far behind, and what was left out.

import { html, nothing, svg, type TemplateResult } from "lit";
import { grouped } from "../numbers";
import { isoMs, lately, momentText, spoken } from "../times";

export type Status = Record<string, unknown>;

interface Figure {
  label: string;
  help: string;
  /** Its value in words; `unit` is small behind it. */
  value: (status: Status, zone: string, now: number) => [string, string];
  /** Below it. */
  note?: (status: Status, zone: string, now: number) => string;
  /** "warn" and "bad" are marked, with a word. */
  level?: (status: Status, now: number) => "" | "warn" | "bad";
  /** What its small line is drawn of. */
  trace?: (status: Status) => number | null;
  /** The view that tells more. */
  view?: string;
}

export function amount(status: Status, name: string): number | null {
  const value = status[name];
  return typeof value === "number" ? value : typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : null;
}

function count(status: Status, name: string): [string, string] {
  const value = status[name];
  return [value === null || value === undefined ? "–" : grouped(String(value)), ""];
}

function duration(ms: number | null): [string, string] {
  if (ms === null) return ["–", ""];
  const [first = "", unit = "", ...rest] = spoken(ms).split(" ");
  return [first, [unit, ...rest].join(" ")];
}

function share(status: Status, name: string): string {
  const part = amount(status, name);
  const all = amount(status, "records");
  if (!part || !all) return "of all records read: none";
  const percent = (part / all) * 100;
  return `${percent < 0.01 ? "under 0.01" : percent.toFixed(percent < 10 ? 2 : 1)} % of all records read`;
}

function age(status: Status, name: string, now: number): number | null {
  const text = status[name];
  return typeof text === "string" ? Math.max(0, now - isoMs(text)) : null;
}

function moment(status: Status, name: string, zone: string, now: number, before = ""): string | null {
  const text = status[name];
  return typeof text === "string" ? before + lately(isoMs(text), zone, now) : null;
}

const QUIET_MS = 60_000;

export const FIGURES: Record<string, Figure> = {
  events_per_s: { label: "Events per second", help: "records read and committed per second, lately",
    value: (status) => {
      const rate = amount(status, "events_per_s");
      return rate === null ? ["–", ""] : [grouped(rate < 10 ? rate.toFixed(1) : String(Math.round(rate))), "/s"];
    },
    note: (status) => `${count(status, "records")[0]} records in all`,
    trace: (status) => amount(status, "events_per_s"),
  },
  freshness_ms: { label: "Freshness", help: "how old the newest event that can be asked for is, by its event time",
    value: (status) => duration(amount(status, "freshness_ms")),
    note: (status, zone, now) => moment(status, "newest_event_at", zone, now, "newest event ") ?? "no event yet",
    level: (status) => ((amount(status, "freshness_ms") ?? 0) > QUIET_MS ? "warn" : ""),
    trace: (status) => amount(status, "freshness_ms"),
  },
  lag: { label: "Lag", help: "records that the source has and the lake does not",
    value: (status) => (status.lag === null || status.lag === undefined ? duration(amount(status, "lag_ms")) : count(status, "lag")),
    note: (status) => (status.lag === null || status.lag === undefined
      ? amount(status, "lag_ms") === null ? String(status.lag_why ?? "not told by this source") : "behind the source"
      : "records behind the source"),
    trace: (status) => amount(status, "lag") ?? amount(status, "lag_ms"),
    view: "pipeline",
  },
  late: { label: "Late events", help: "events that a rollup counts no more: its window was final",
    value: (status) => count(status, "late_events"),
    note: (status) => share(status, "late_events"),
    level: (status) => ((amount(status, "late_events") ?? 0) * 10 > (amount(status, "records") ?? 0) ? "warn" : ""),
    view: "pipeline",
  },
  dead: { label: "Dead letters", help: "records that the event model refuses, kept with their reason",
    value: (status) => count(status, "dead"),
    note: (status) => share(status, "dead"),
    level: (status) => ((amount(status, "dead") ?? 0) * 10 > (amount(status, "records") ?? 0) ? "bad" : ""),
    view: "dead-letters",
  },
  lost_offsets: { label: "Lost unread", help: "offsets that were deleted before they were read; runs with --accept-gap went on behind them",
    value: (status) => count(status, "lost_offsets"),
    note: (status) => (amount(status, "lost_offsets") ? "deleted before they were read" : "all that came was read"),
    level: (status) => (amount(status, "lost_offsets") ? "warn" : ""),
    view: "pipeline",
  },
  last_commit_at: { label: "Last commit", help: "when the newest snapshot was committed",
    value: (status, _zone, now) => {
      const [first, unit] = duration(age(status, "last_commit_at", now));
      return [first, unit && `${unit} ago`];
    },
    note: (status, zone, now) => moment(status, "last_commit_at", zone, now, "at ") ?? "nothing committed yet",
    level: (status, now) => ((age(status, "last_commit_at", now) ?? 0) > QUIET_MS ? "warn" : ""),
  },
  records: { label: "Records read", help: "all records read from the source",
    value: (status) => count(status, "records"),
    note: (status) => `${count(status, "accepted")[0]} accepted`,
  },
  accepted: { label: "Accepted", help: "records that count",
    value: (status) => count(status, "accepted"),
    note: (status) => share(status, "accepted"),
  },
  duplicate: { label: "Duplicates", help: "records that came again and count once",
    value: (status) => count(status, "duplicate"),
    note: (status) => share(status, "duplicate"),
  },
  watermark: { label: "Watermark", help: "up to here windows are closed, by the partition that decides",
    value: (status, zone, now) => [moment(status, "watermark", zone, now) ?? "–", ""],
    note: (status, _zone, now) => {
      const behind = age(status, "watermark", now);
      return behind === null ? "no partition has one yet" : `${spoken(behind)} behind the clock`;
    },
    view: "pipeline",
  },
};

const KEPT = 60;

/** The newest values of each figure, for its small line. */
export class Traces {
  readonly #kept = new Map<string, number[]>();
  #newest: Status | null = null;

  add(status: Status): void {
    if (status === this.#newest) return;
    this.#newest = status;
    for (const [name, figure] of Object.entries(FIGURES)) {
      const value = figure.trace?.(status);
      if (value === null || value === undefined) continue;
      this.#kept.set(name, [...(this.#kept.get(name) ?? []), value].slice(-KEPT));
    }
  }

  of(name: string): number[] {
    return this.#kept.get(name) ?? [];
  }
}

function line(values: number[]): TemplateResult | typeof nothing {
  if (values.length < 8) return nothing;
  const top = Math.max(...values, 1e-9);
  const points = values.map((value, at) => `${((at / (values.length - 1)) * 100).toFixed(1)},${(22 - (value / top) * 19).toFixed(1)}`);
  return html`<svg class="trace" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">${
    svg`<polygon points=${`0,24 ${points.join(" ")} 100,24`} /><polyline points=${points.join(" ")} vector-effect="non-scaling-stroke" />`}</svg>`;
}

/** The figures of these names; a loss, which nobody asks for, beside what is dead. */
function withLosses(names: string[], status: Status): string[] {
  return names.includes("lost_offsets") || !amount(status, "lost_offsets")
    ? names : names.flatMap((name) => (name === "dead" ? [name, "lost_offsets"] : [name]));
}

export function figures(
  names: string[], status: Status, zone: string, now: number, traces: Traces, href: (view: string) => string,
): TemplateResult {
  return html`<dl class="figures" data-testid="figures">${withLosses(names, status).map((name) => {
    const figure = FIGURES[name];
    if (!figure) return nothing;
    const [value, unit] = figure.value(status, zone, now);
    const level = figure.level?.(status, now) ?? "";
    const told = status[name];
    const whole = typeof told === "string" && !Number.isNaN(Date.parse(told)) ? momentText(isoMs(told), zone, "always") : String(told ?? "");
    return html`<div class="figure ${level}" data-testid=${`figure-${name}`} data-value=${String(told ?? "")}>
      <dt title=${figure.help}>${figure.view ? html`<a href=${href(figure.view)}>${figure.label}</a>` : figure.label}</dt>
      <dd class="value" title=${whole}>${value}${unit ? html`<small>${unit}</small>` : nothing}</dd>
      <dd class="note" title=${figure.note?.(status, zone, now) ?? nothing}>${level ? html`<b class="mark">${level === "bad" ? "many" : "look"}</b>` : nothing}${figure.note?.(status, zone, now) ?? ""}</dd>
      ${figure.trace ? line(traces.of(name)) : nothing}
    </div>`;
  })}</dl>`;
}
