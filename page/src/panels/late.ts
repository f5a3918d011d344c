// Windows that were corrected after they were closed: per rollup, then those that moved most.

import { html, type TemplateResult } from "lit";
import { digits, grouped, rounded } from "../numbers";
import { momentText } from "../times";
import { empty } from "./states";

interface Movement {
  at_close: string;
  change: string;
  relative: number | null;
}

interface Moved {
  key: Record<string, string | null>;
  window_start: number;
  window_end: number;
  corrections: number;
  rows_added: number;
  late_rows: number;
  aggregates: Record<string, Movement>;
}

interface Rollup {
  rollup: string;
  closed_windows: number;
  moved_windows: number;
  corrections: number;
  rows_added: number;
  late_rows: number;
  windows: Moved[];
}

const number = (text: string): string => {
  const plain = digits(text);
  if (plain === null) return text;
  return grouped(plain.includes(".") ? rounded(plain, 2) : plain);
};

export function lateWindows(value: Record<string, unknown>, zone: string, top: number): TemplateResult {
  const rollups = (value.rollups ?? []) as Rollup[];
  const moved = rollups.flatMap((each) => each.windows.map((window) => ({ ...window, rollup: each.rollup })))
    .sort((one, other) => other.rows_added - one.rows_added || other.window_start - one.window_start)
    .slice(0, top);
  const some = rollups.filter((each) => each.moved_windows || each.late_rows);
  if (!some.length) return empty("No window of this range was corrected after it was closed, and no event was too late to count.");
  return html`
    <ul class="tallies">${some.map((each) => html`<li><strong>${each.rollup}</strong>
      <span><b>${grouped(String(each.moved_windows))}</b> of ${grouped(String(each.closed_windows))} closed windows corrected</span>
      <span><b>${grouped(String(each.late_rows))}</b> too late to count</span></li>`)}</ul>
    ${moved.length ? html`<div class="scroll" tabindex="0" role="group" aria-label="Corrected windows">
      <table data-testid="corrected"><caption class="unseen">Corrected windows, those that moved most first</caption>
      <thead><tr><th scope="col">rollup</th><th scope="col">window</th><th scope="col">key</th>
        <th scope="col">was and came</th></tr></thead>
      <tbody>${moved.map((each) => html`<tr>
        <td>${each.rollup}</td><td class="tabular">${momentText(each.window_start, zone)}</td>
        <td>${Object.values(each.key).map((key) => key ?? "–").join(", ") || "–"}</td>
        <td class="changes">${Object.entries(each.aggregates).filter(([, change]) => Number(change.change) !== 0).map(([name, change]) => html`<span>${name}
          ${number(change.at_close)} <b>${change.change.startsWith("-") ? "" : "+"}${number(change.change)}</b></span>`)}</td>
      </tr>`)}</tbody></table></div>` : ""}`;
}
