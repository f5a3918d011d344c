// The pipeline tab: partitions, why windows are open, what the doctor finds, the newest commits.

import { html, nothing, type TemplateResult } from "lit";
import type { Problem } from "../api";
import { lateOf } from "../boards";
import type { Result } from "../live";
import { lateWindows } from "../panels/late";
import { findings, isOfWindows, openWindows, partitions, type Finding } from "../panels/pipeline";
import { empty, loading, problemOf } from "../panels/states";
import type { State } from "../state";
import { HOUR_MS, ago, isoMs, momentText } from "../times";

export const questions = (now: number): Record<string, string> => ({
  s: "status", d: "doctor", l: lateOf(12, { start: now - HOUR_MS, end: now, isLive: true }), n: "snapshots?limit=15",
});

function body(result: Result | undefined, fill: (data: NonNullable<Result["data"]>) => TemplateResult): TemplateResult {
  if (!result) return loading();
  return result.data ? fill(result.data) : problemOf(result.problem as Problem);
}

function panel(id: string, title: string, subtitle: string, content: TemplateResult): TemplateResult {
  return html`<section class="panel wide" aria-labelledby=${`${id}-title`} data-testid=${`pipeline-${id}`}>
    <header><h2 id=${`${id}-title`}>${title}</h2><span class="subtitle">${subtitle}</span></header>
    <div class="body">${content}</div></section>`;
}

export function pipelineView(
  results: Map<string, Result>, state: State, now: number, href: (view: string, more?: Partial<State>) => string,
): TemplateResult {
  const status = results.get("s");
  const doctor = results.get("d");
  const zone = state.zone;
  return html`<div class="stack">
    ${panel("partitions", "Source partitions", "the slowest one that is active decides what is final",
      body(status, (data) => partitions(data.value ?? {}, zone, now)))}
    ${panel("windows", "Open windows", "why each rollup's oldest one is not final",
      body(doctor, (data) => openWindows(findingsOf(data))))}
    <div class="halves">
      ${panel("doctor", "Checks", "tidemill doctor", body(doctor, (data) => {
        const all = findingsOf(data).filter((each) => !isOfWindows(each));
        return all.length ? findings([...all].sort((one, other) => rank(other) - rank(one)), "Checks") : empty("The doctor has nothing to say.");
      }))}
      <div class="stack">
        ${panel("late", "Late and corrected windows", "of the last hour; all: tidemill lateness", body(results.get("l"), (data) => lateWindows(data.value ?? {}, zone, 12)))}
        ${panel("snapshots", "Commits", "any of them can be looked at", body(results.get("n"), (data) => snapshots(data, zone, now, href)))}
      </div>
    </div></div>`;
}

const findingsOf = (data: NonNullable<Result["data"]>): Finding[] => (data.value?.findings ?? []) as Finding[];

const rank = (each: Finding): number => ["ok", "warning", "error"].indexOf(each.level);

type Row = Record<string, unknown>;

export function snapshotRows(data: NonNullable<Result["data"]>): { id: string; at: number }[] {
  const rows = ((data.value?.snapshots ?? []) as Row[]).map((row) => ({ id: String(row.id), at: isoMs(String(row.time)) }));
  return rows.sort((one, other) => other.at - one.at);
}

function snapshots(
  data: NonNullable<Result["data"]>, zone: string, now: number, href: (view: string, more?: Partial<State>) => string,
): TemplateResult {
  const rows = snapshotRows(data);
  if (!rows.length) return empty("Nothing has been committed yet.");
  return html`<ul class="commits">${rows.slice(0, 12).map(({ id, at }) => html`<li>
    <span class="tabular">${id}</span><span class="tabular">${momentText(at, zone, "always")}</span>
    <span class="muted tabular">${ago(now - at)}</span>
    <a href=${href("", { asOf: id })}>look</a></li>`)}</ul>${nothing}`;
}
