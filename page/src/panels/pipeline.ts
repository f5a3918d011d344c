// Source partitions, open windows and the doctor's findings.

import { html, nothing, type TemplateResult } from "lit";
import { grouped } from "../numbers";
import { ago, isoMs, momentText, spoken } from "../times";
import { empty, worded } from "./states";
import type { Status } from "./figures";

interface Partition {
  partition: string;
  topic?: string | null;
  next_offset: number | string | null;
  watermark: string | null;
  watermark_behind_ms: number | null;
  last_records_at: string | null;
  active: boolean;
  final: boolean;
  decides?: boolean;
  why?: string;
  read: number;
  dead: number;
  late?: number | null;
  lost_offsets?: number | null;
}

export interface Finding {
  level: string;
  subject: string;
  message: string;
  fix: string | null;
}

const number = (value: number | string | null | undefined): string =>
  value === null || value === undefined ? "–" : grouped(String(value));

export function partitions(status: Status, zone: string, now: number): TemplateResult {
  const all = (status.partitions ?? []) as Partition[];
  if (!all.length) return empty("No source partition has been read yet. Start the pipeline: `tidemill run`");
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Source partitions">
    <table data-testid="partitions">
      <caption class="unseen">Source partitions: position, lag and watermark of each</caption>
      <thead><tr>
        <th scope="col">partition</th><th scope="col">state</th><th scope="col" class="number">next offset</th>
        <th scope="col">watermark</th><th scope="col" class="number">behind the clock</th>
        <th scope="col" class="number">behind the furthest</th><th scope="col">last records</th>
        <th scope="col" class="number">read</th><th scope="col" class="number">late</th><th scope="col" class="number">dead</th>
        <th scope="col" class="number" title="offsets that were deleted before they were read">lost</th>
        <th scope="col">what it holds</th>
      </tr></thead>
      <tbody>${all.map((each) => {
        const mark = each.watermark ? isoMs(each.watermark) : null;
        const behind = each.watermark_behind_ms;
        const [state, word] = each.final ? ["done", "read to its end"] : each.active ? ["good", "active"] : ["idle", "idle"];
        return html`<tr>
          <th scope="row">${each.partition}</th>
          <td><span class="dot ${state}"></span>${word}</td>
          <td class="number">${number(each.next_offset)}</td>
          <td>${mark === null ? "none yet" : momentText(mark, zone, "always")}</td>
          <td class="number">${mark === null ? "–" : spoken(now - mark)}</td>
          <td class="number ${behind !== null && behind >= 60_000 && !each.final ? "warn" : ""}">${behind === null || each.final ? "–" : behind === 0 ? "none" : spoken(behind)}</td>
          <td>${each.last_records_at ? ago(now - isoMs(each.last_records_at)) : "–"}</td>
          <td class="number">${number(each.read)}</td>
          <td class="number">${number(each.late)}</td>
          <td class="number">${number(each.dead)}</td>
          <td class="number ${each.lost_offsets ? "warn" : ""}">${number(each.lost_offsets)}</td>
          <td class="words ${each.decides ? "decides" : ""}">${each.why ?? ""}</td>
        </tr>`;
      })}</tbody>
    </table></div>`;
}

const WINDOWS = "windows.";

export const isOfWindows = (each: Finding): boolean => each.subject.startsWith(WINDOWS);

/** Why each rollup's oldest window is open: what the doctor says. */
export function openWindows(all: Finding[]): TemplateResult {
  const told = all.filter(isOfWindows);
  if (!told.length) return empty("No rollup has windows yet.");
  return html`<ul class="open-windows" data-testid="open-windows">${told.map((each) => {
    const [head = "", ...reasons] = each.message.split(/(?<=\)): |; /);
    return html`<li class=${each.level}>
      <div class="line"><strong>${each.subject.slice(WINDOWS.length)}</strong><span>${head}</span></div>
      ${reasons[0] ? html`<p class="muted">${worded(reasons[0])}</p>` : nothing}
      ${reasons.length > 1 ? html`<details><summary>${reasons.length - 1} more</summary>
        <ul>${reasons.slice(1).map((reason) => html`<li>${worded(reason)}</li>`)}</ul></details>` : nothing}
      ${each.fix ? html`<p class="hint">${worded(commands(each.fix))}</p>` : nothing}
    </li>`;
  })}</ul>`;
}

/** A command that is said without quotes: from its name to the end of the sentence. */
function commands(text: string): string {
  return text.includes("`") ? text : text.replace(/tidemill [^;]+/g, (found) => `\`${found}\``);
}

const WORDS: Record<string, string> = { ok: "fine", warning: "look", error: "wrong" };

export function findings(all: Finding[], label: string): TemplateResult {
  return html`<ul class="findings" aria-label=${label} data-testid="findings">${all.map((each) => html`
    <li class=${each.level}>
      <span class="badge ${each.level}">${WORDS[each.level] ?? each.level}</span>
      <div><strong>${each.subject}</strong> <span>${worded(each.message)}</span>
        ${each.fix ? html`<p class="hint">${worded(commands(each.fix))}</p>` : nothing}</div>
    </li>`)}</ul>`;
}
