// The alerts of rules: which stand and which were taken back, as commits bring them.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import * as api from "../api";
import { Plain, tell } from "../element";
import * as icons from "../icons";
import type { Result } from "../live";
import { empty, loading, problemOf } from "../panels/states";
import type { State } from "../state";
import { isoMs, momentText } from "../times";

export const STATES = ["raised", "retracted"];
export const SEVERITIES = ["critical", "high", "medium", "low", "info"];
const MOST = 200;
/** Of many that come at once, so many are told to who listens. */
const SAID = 3;
const NEW_MS = 6_000;

/** What the view asks for. */
export function question(state: State): string {
  const query = new URLSearchParams({ limit: String(MOST) });
  if (state.alerts) query.set("state", state.alerts);
  if (state.severity) query.set("severity", state.severity);
  return `alerts?${query}`;
}

interface Alert {
  alert_id: string;
  state: string;
  rule: string;
  severity: string;
  key: string;
  window_start: string;
  window_end: string;
  values: string;
  message: string;
  change: number;
  quiet: boolean;
}

export class Alerts extends Plain {
  static override properties = { state: { attribute: false }, result: { attribute: false }, href: { attribute: false } };
  declare state: State;
  declare result: Result | undefined;
  declare href: (view: string, more?: Partial<State>) => string;
  #data: unknown = null;
  #asked = "";
  #seen = new Map<string, number>();
  #new = new Map<string, number>();

  override willUpdate(_changed: PropertyValues): void {
    const data = this.result?.data;
    if (!data || this.result!.isOld || data === this.#data) return;
    this.#data = data;
    const asked = JSON.stringify([this.state.alerts, this.state.severity, this.state.asOf]);
    // what another question shows has not come just now
    const isFirst = asked !== this.#asked;
    this.#asked = asked;
    const rows = rowsOf(data);
    const now = Date.now();
    const come = isFirst ? [] : rows.filter((row) => (this.#seen.get(row.alert_id) ?? 0) < row.change);
    this.#new = new Map([...this.#new].filter(([, at]) => now - at < NEW_MS));
    for (const row of come) this.#new.set(row.alert_id, now);
    if (isFirst) this.#seen.clear();
    for (const row of rows) this.#seen.set(row.alert_id, row.change);
    if (come.length) {
      const told = come.slice(0, SAID).map((row) => `${word(row)}, ${row.severity}: ${row.message}`).join("; ");
      tell(this, "say", come.length > SAID ? `${told}; and ${come.length - SAID} more` : told);
    }
  }

  override render(): TemplateResult {
    return html`<section class="panel wide" aria-labelledby="alerts-title" data-testid="alert-list">
      <header><h2 id="alerts-title">Alerts</h2><span class="subtitle">newest windows first, at most ${MOST}</span></header>
      <div class="choices">
        ${this.#choice("Which", ["", ...STATES], this.state.alerts, (each) => (each === "" ? "all" : each === "raised" ? "standing" : each), (each) => ({ alerts: each }))}
        ${this.#choice("Severity", ["", ...SEVERITIES], this.state.severity, (each) => each || "any", (each) => ({ severity: each }))}
      </div>
      ${this.#body()}</section>`;
  }

  #choice(label: string, all: string[], chosen: string, name: (each: string) => string, change: (each: string) => Partial<State>): TemplateResult {
    return html`<nav aria-label=${label}>${all.map((each) => html`<a class=${each === chosen ? "chip on" : "chip"} href=${this.href("alerts", { alerts: this.state.alerts, severity: this.state.severity, ...change(each) })}
      aria-current=${each === chosen ? "true" : nothing}>${name(each)}</a>`)}</nav>`;
  }

  #body(): TemplateResult {
    const data = this.result?.data;
    if (!data) return this.result?.problem ? problemOf(this.result.problem) : loading();
    const rows = rowsOf(data);
    if (!rows.length) return empty(this.state.alerts || this.state.severity ? "No alert is like that." : "No rule has raised an alert.");
    const standing = rows.filter((row) => row.state === "raised").length;
    return html`${this.result?.problem ? problemOf(this.result.problem) : nothing}
      <p class="subtitle choices" data-testid="alert-count">${standing} standing, ${rows.length - standing} retracted${rows.length === MOST ? " of those shown" : ""}</p>
      <div class="scroll" tabindex="0" role="group" aria-label="Alerts">
      <table data-testid="alerts-table">
        <caption class="unseen">Alerts: state, severity, rule and message of each</caption>
        <thead><tr><th scope="col">state</th><th scope="col">severity</th><th scope="col">message</th><th scope="col">rule</th>
          <th scope="col">key</th><th scope="col">window</th><th scope="col" class="number">changes</th></tr></thead>
        <tbody>${rows.map((row) => this.#row(row))}</tbody>
      </table></div>`;
  }

  #row(row: Alert): TemplateResult {
    const zone = this.state.zone;
    const isOver = row.state !== "raised";
    return html`<tr class="alert ${isOver ? "over" : ""} ${this.#new.has(row.alert_id) ? "come" : ""}" data-alert=${row.alert_id}>
      <td>${isOver ? icons.undo : icons.bell}<span>${word(row)}</span></td>
      <td><span class="severity ${row.severity}">${icons.level(4 - SEVERITIES.indexOf(row.severity))}${row.severity}</span></td>
      <th scope="row" class="words">${isOver ? html`<s>${row.message}</s>` : row.message}</th>
      <td>${row.rule}</td><td>${keyOf(row.key)}</td>
      <td class="tabular">${momentText(isoMs(row.window_start), zone)} – ${momentText(isoMs(row.window_end), zone)}</td>
      <td class="number">${row.change}</td></tr>`;
  }
}

const word = (row: Alert): string => (row.state !== "raised" ? "retracted" : row.quiet ? "standing, quiet" : "standing");

function rowsOf(data: api.Table): Alert[] {
  const rows: Record<string, unknown>[] = Array.from({ length: data.rows }, () => ({}));
  data.columns.forEach((column, at) => data.data[at]!.forEach((value, row) => (rows[row]![column.name] = value)));
  return rows as unknown as Alert[];
}

/** The key's columns and their values, as people write them. */
function keyOf(text: string): string {
  const key = JSON.parse(text) as Record<string, unknown>;
  return Object.entries(key).map(([name, value]) => `${name} ${value === null ? "–" : String(value)}`).join(", ");
}

customElements.define("tm-alerts", Alerts);
