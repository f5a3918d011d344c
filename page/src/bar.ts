// The bar below the head: time range, zone, time travel, how often, and the filters.

import { html, nothing, type TemplateResult } from "lit";
import * as icons from "./icons";
import { keyText } from "./panels/cells";
import { REFRESH, toggled, type State } from "./state";
import { durationMs, fromWall, isZone, isoMs, momentText, spanText, wallText } from "./times";

interface Bar {
  state: State;
  boardLast: string;
  hasRange: boolean;
  now: number;
  snapshots: { id: string; at: number }[];
  asOfAt: number | null;
  go: (change: Partial<State>) => void;
  listSnapshots: () => void;
}

const LASTS = ["5m", "15m", "1h", "6h", "24h", "7d"];

export function bar(given: Bar): TemplateResult {
  const { state } = given;
  const filters = Object.entries(state.filters).flatMap(([key, values]) => values.map((value) => [key, value] as const));
  return html`<div class="bar" role="region" aria-label="What is shown">
    ${given.hasRange ? range(given) : nothing}
    ${zone(given)}
    ${travel(given)}
    <label class="field" title="how often the page is told what is new"><span class="unseen">Refresh</span>${icons.refresh}
      <select data-testid="every" @change=${(event: Event) => given.go({ refresh: (event.target as HTMLSelectElement).value })}>
        ${REFRESH.map((each) => html`<option value=${each} ?selected=${state.refresh === each}>${each === "live" ? "at each commit" : `every ${each}`}</option>`)}
      </select></label>
    ${filters.length && given.hasRange ? html`<ul class="chips" aria-label="Filters" data-testid="filters">
      ${filters.map(([key, value]) => html`<li><button type="button" class="chip on" title="remove this filter" aria-label=${`remove the filter ${key} ${keyText(value)}`}
        @click=${() => given.go({ filters: toggled(state.filters, key, value) })}>${icons.filter}<span>${key}: <b>${keyText(value)}</b></span>${icons.close}</button></li>`)}
      ${filters.length > 1 ? html`<li><button type="button" class="quiet" @click=${() => given.go({ filters: {} })}>Clear</button></li>` : nothing}
    </ul>` : nothing}
  </div>`;
}

function range(given: Bar): TemplateResult {
  const { state, boardLast } = given;
  const fixed = state.range && !state.range.last ? state.range : null;
  const chosen = state.range?.last ?? (fixed ? "" : boardLast);
  const all = LASTS.some((each) => durationMs(each) === durationMs(chosen)) || !chosen ? LASTS : [chosen, ...LASTS];
  return html`<div class="ranges" role="group" aria-label="Time range">
      ${all.map((last) => html`<button type="button" data-testid=${`last-${last}`} aria-pressed=${chosen && durationMs(last) === durationMs(chosen) ? "true" : "false"}
        @click=${() => given.go({ range: { last, start: 0, end: 0 } })}>${last}</button>`)}
    </div>
    <details class="pop" data-testid="custom">
      <summary class=${fixed ? "field on" : "field"}>${icons.clock}<span class="tabular">${fixed ? spanText(fixed.start, fixed.end, state.zone, given.now) : "Custom"}</span></summary>
      <form class="panel" @submit=${(event: SubmitEvent) => custom(event, given)}>
        <label>From<input type="datetime-local" name="start" required .value=${wallText(fixed?.start ?? given.now - durationMs(boardLast), state.zone)}></label>
        <label>To<input type="datetime-local" name="end" required .value=${wallText(fixed?.end ?? given.now, state.zone)}></label>
        <p class="small">in ${state.zone}</p>
        <button class="primary" type="submit">Show</button>
      </form>
    </details>
    ${fixed ? html`<button type="button" class="quiet" data-testid="range-reset" @click=${() => given.go({ range: null })}>${icons.back}<span>Live</span></button>` : nothing}`;
}

function custom(event: SubmitEvent, given: Bar): void {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const data = new FormData(form);
  const [start, end] = ["start", "end"].map((name) => fromWall(isoMs(String(data.get(name))), given.state.zone)) as [number, number];
  const field = form.elements.namedItem("end") as HTMLInputElement;
  field.setCustomValidity(start < end ? "" : "To must be after From");
  if (!form.reportValidity()) return;
  form.closest("details")!.open = false;
  given.go({ range: { last: null, start, end } });
}

let zones: string[] | null = null;

function zone(given: Bar): TemplateResult {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const choose = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    const name = field.value.trim() || "UTC";
    field.setCustomValidity(isZone(name) ? "" : "no such time zone; write one like Europe/Amsterdam");
    if (field.reportValidity() && name !== given.state.zone) given.go({ zone: name });
  };
  zones ??= ["UTC", ...new Set([here, ...(Intl.supportedValuesOf?.("timeZone") ?? [])])].filter((each, at, all) => all.indexOf(each) === at);
  return html`<label class="field zone" title="time zone of all times"><span class="unseen">Time zone</span>${icons.globe}
    <input list="zones" data-testid="zone" size="12" .value=${given.state.zone} @change=${choose}
      @focus=${(event: Event) => (event.target as HTMLInputElement).select()}></label>
    <datalist id="zones">${zones.map((name) => html`<option value=${name}></option>`)}</datalist>`;
}

function travel(given: Bar): TemplateResult {
  const { state } = given;
  const choose = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    const text = field.value.trim();
    field.closest("details")!.open = false;
    if (text !== (state.asOf ?? "")) given.go({ asOf: text || null });
  };
  const opened = (event: Event): void => {
    if ((event.target as HTMLDetailsElement).open) given.listSnapshots();
  };
  return html`<details class="pop" data-testid="travel" @toggle=${opened}>
      <summary class=${state.asOf ? "field on" : "field"} title="look at the lake as it was">${icons.history}
        <span class="tabular">${state.asOf ? `as of ${given.asOfAt ? momentText(given.asOfAt, state.zone, "always") : state.asOf}` : "Now"}</span></summary>
      <div class="panel">
        <label>Snapshot or UTC time<input data-testid="as-of" placeholder="12, or 2026-11-29T10:00" .value=${state.asOf ?? ""} @change=${choose}></label>
        <ul class="commits">${given.snapshots.slice(0, 40).map(({ id, at }) => html`<li><button type="button" class="pick" @click=${(event: Event) => {
          (event.target as Element).closest("details")!.open = false;
          given.go({ asOf: id });
        }}><span class="tabular">${momentText(at, state.zone, "always")}</span> <small>${id}</small></button></li>`)}</ul>
      </div>
    </details>
    ${state.asOf ? html`<button type="button" class="quiet" data-testid="as-of-reset" @click=${() => given.go({ asOf: null })}>${icons.back}<span>Now</span></button>` : nothing}`;
}
