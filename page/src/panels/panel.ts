// One panel of a board: head, body by its kind, and the states in between.

import { html, nothing, type TemplateResult } from "lit";
import { styled } from "../styled";
import type { Problem } from "../api";
import { followed, keysOf, spanOf, stepOf, type Panel, type Relation } from "../boards";
import { Plain, tell } from "../element";
import * as icons from "../icons";
import type { Result, Value } from "../live";
import type { State } from "../state";
import { ago, durationText, spanText, spoken } from "../times";
import { tableOf } from "./cells";
import type { Drawn } from "./chart";
import "./chart";
import { figures, type Status, type Traces } from "./figures";
import { lateWindows } from "./late";
import { findings, isOfWindows, partitions, type Finding } from "./pipeline";
import { drawnOf } from "./series";
import { empty, loading, problemOf } from "./states";

const NO_HEAD = ["figures", "alerts"];

export class PanelElement extends Plain {
  static override properties = {
    panelId: {}, panel: { attribute: false }, relation: { attribute: false }, state: { attribute: false },
    boardLast: {}, result: { attribute: false }, earlier: { attribute: false }, now: { type: Number },
    theme: {}, traces: { attribute: false }, href: { attribute: false }, newestMs: { attribute: false },
  };
  declare panelId: string;
  declare panel: Panel;
  declare relation: Relation | undefined;
  declare state: State;
  declare boardLast: string;
  declare result: Result | undefined;
  /** The answer of a comparison. */
  declare earlier: Result | undefined;
  declare now: number;
  declare theme: string;
  declare traces: Traces;
  declare href: (view: string, more?: Partial<State>) => string;
  /** Up to where the lake has events, ms. */
  declare newestMs: number | null;
  #drawn: { of: unknown[]; value: Drawn } | null = null;

  override render(): TemplateResult | typeof nothing {
    const body = this.#body();
    if (body === nothing) {
      this.hidden = true;
      return nothing;
    }
    this.hidden = false;
    if (NO_HEAD.includes(this.panel.kind)) return body as TemplateResult;
    const { title, kind } = this.panel;
    const isTwin = this.state.twins.includes(this.panelId);
    const stale = this.result?.problem && this.result.data;
    return html`<article class="panel" aria-labelledby=${`${this.panelId}-title`} data-testid=${`panel-${this.panelId}`} data-kind=${kind}>
      <header>
        <h2 id=${`${this.panelId}-title`} title=${this.panel.help ?? nothing}>${title}</h2>
        ${this.#subtitle()}
        ${kind === "chart" ? html`<button type="button" class="quiet" aria-pressed=${isTwin ? "true" : "false"} data-testid=${`twin-${this.panelId}`}
          title=${isTwin ? "show the chart" : "show the same as a table"} @click=${() => tell(this, "twin", this.panelId)}>
          ${isTwin ? icons.chart : icons.table}<span>${isTwin ? "Chart" : "Table"}</span></button>` : nothing}
      </header>
      ${stale ? this.#failed(this.result!.problem!) : nothing}
      <div class=${stale || this.result?.isOld ? "body stale" : "body"} aria-busy=${this.result?.isOld ? "true" : "false"}>${body}</div>
      ${this.#notes()}
    </article>`;
  }

  #failed(problem: Problem): TemplateResult {
    return html`<p class="stale-note" role="status">${icons.warning}not newer than ${spoken(this.now - this.result!.at)} ago: ${problem.title}</p>`;
  }

  #subtitle(): TemplateResult | typeof nothing {
    const { kind } = this.panel;
    if (!["chart", "top", "windows", "late"].includes(kind)) return nothing;
    const span = this.#span;
    const step = kind === "chart" ? ` · every ${durationText(this.#step)}` : "";
    return html`<span class="subtitle" data-testid=${`span-${this.panelId}`}>${spanText(Math.floor(span.start / 60_000) * 60_000, span.end, this.state.zone, this.now)}${step}</span>`;
  }

  #notes(): TemplateResult | typeof nothing {
    const told: string[] = [];
    if (this.panel.rollup) {
      const { cannot } = followed(keysOf(this.relation), this.state, this.panel.kind === "top" ? this.panel.key : "");
      if (cannot.length) told.push(`not filtered: ${this.panel.rollup} has no ${cannot.join(", ")}`);
    }
    const data = this.result?.data;
    if (data?.note && this.panel.kind === "report") told.push(data.note);
    return told.length ? html`<footer>${told.map((note) => html`<span>${note}</span>`)}</footer>` : nothing;
  }

  get #span() {
    return spanOf(this.panel, this.state, this.boardLast, this.now);
  }

  get #step(): number {
    return stepOf(this.panel, this.relation, this.#span);
  }

  #body(): TemplateResult | typeof nothing {
    const { result } = this;
    if (this.panel.kind === "alerts") return this.#alerts(result?.data?.value);
    if (!result) return loading();
    if (!result.data) return result.problem ? problemOf(result.problem) : loading();
    return this.#filled(result.data);
  }

  #filled(data: Value): TemplateResult | typeof nothing {
    const zone = this.state.zone;
    const status = (data.value ?? {}) as Status;
    switch (this.panel.kind) {
      case "figures":
        return figures(this.panel.show ?? ["events_per_s", "freshness_ms", "lag", "late", "dead", "last_commit_at"],
          status, zone, this.now, this.traces, this.href);
      case "chart":
        return data.rows ? this.#chart(data) : this.#nothingThere();
      case "top":
        return data.rows ? this.#rows(data, this.panel.show![0]) : this.#nothingThere();
      case "windows":
        return data.rows ? this.#rows(data) : this.#nothingThere();
      case "report":
        return data.rows ? this.#rows(data) : empty("This report has no rows now.");
      case "late":
        return lateWindows(data.value ?? {}, zone, this.panel.top ?? 10);
      case "dead_letters":
        return data.rows ? this.#reasons(data) : empty("No record was refused.");
      case "partitions":
        return partitions(status, zone, this.now);
      case "alerts":
        return nothing;
    }
    return empty(`This page does not know panels of kind ${this.panel.kind}.`);
  }

  #chart(data: Value): TemplateResult {
    const before = this.panel.compare ? this.earlier?.data ?? null : null;
    const of = [data, before, this.panel, this.relation, this.#step, Math.floor(this.#span.end / Math.max(1_000, this.#step / 60)), this.#span.start];
    if (!this.#drawn || this.#drawn.of.some((each, at) => each !== of[at] && at !== 6)
      || (!this.#span.isLive && this.#drawn.of[6] !== of[6])) {
      this.#drawn = { of, value: drawnOf(this.panel, this.relation, this.#span, this.#step, data, before) };
    }
    if (this.state.twins.includes(this.panelId)) return this.#twin(this.#drawn.value);
    return html`<tm-chart .drawn=${this.#drawn.value} .zone=${this.state.zone} .theme=${this.theme} .label=${this.panel.title}
      .height=${this.panel.width >= 10 ? 220 : 180} data-testid=${`chart-${this.panelId}`}></tm-chart>`;
  }

  /** What a chart shows, as a table, newest first. */
  #twin(drawn: Drawn): TemplateResult {
    const order = drawn.times.map((_, at) => at).reverse();
    const columns = [
      { name: "from", type: "TIMESTAMP" },
      ...drawn.series.map((series) => ({ name: series.label, type: series.type })),
      { name: "state", type: "VARCHAR" },
    ];
    const data = [
      order.map((at) => new Date(drawn.times[at]!).toISOString()),
      ...drawn.series.map((series) => order.map((at) => series.values[at] ?? null)),
      order.map((at) => (drawn.provisionalFrom !== null && drawn.times[at]! + drawn.stepMs > drawn.provisionalFrom ? "open" : "final")),
    ];
    const units = Object.fromEntries(drawn.series.map((series) => [series.label, series.unit]));
    return html`<div class="twin">${tableOf({ snapshot: null, columns, data, rows: order.length }, {
      zone: this.state.zone, caption: this.panel.title, units, testId: `table-${this.panelId}`,
    })}</div>`;
  }

  #rows(data: Value, barred?: string): TemplateResult {
    const keys = this.relation ? keysOf(this.relation) : [];
    const filterable = this.panel.kind === "top" ? [this.panel.key!] : keys;
    const filters = Object.fromEntries(filterable.map((key) => [key, this.state.filters[key] ?? []]));
    const shownNames = [...(this.panel.show ?? []), ...(this.panel.key ? [this.panel.key] : []), ...keys, "window_start"];
    const names = data.columns.map((column) => column.name);
    const isPicked = this.panel.kind === "top" || (this.panel.kind === "windows" && this.panel.show);
    const hidden = isPicked ? names.filter((name) => !shownNames.includes(name)) : [];
    const picked = this.panel.kind === "top" ? ordered(data, [this.panel.key!, ...this.panel.show!]) : data;
    return tableOf(picked, {
      zone: this.state.zone,
      caption: this.panel.title,
      ...(this.panel.units ? { units: this.panel.units } : {}),
      ...(barred ? { barred } : {}),
      filters,
      hidden,
      onFilter: (key, value) => tell(this, "filter", { key, value }),
      heads: HEADS,
      testId: `table-${this.panelId}`,
    });
  }

  #reasons(data: Value): TemplateResult {
    const at = (name: string): unknown[] => data.data[data.columns.findIndex((column) => column.name === name)] ?? [];
    const [reasons, counts, fields, newest] = [at("reason"), at("records"), at("field"), at("newest_record_timestamp")];
    const most = Math.max(...counts.map(Number));
    return html`<ul class="reasons" data-testid="reasons">${reasons.map((reason, row) => html`
      <li><a href=${this.href("dead-letters", { reason: String(reason) })} title="show the records">
        <span class="name">${reason}${fields[row] ? html` <small>${fields[row]}</small>` : nothing}</span>
        <span class="meter"><i ${styled({ width: `${((Number(counts[row]) / most) * 100).toFixed(1)}%` })}></i></span>
        <b>${Number(counts[row]).toLocaleString("en-US")}</b>
        <small class="when">${newest[row] ? ago(this.now - Number(newest[row])) : ""}</small>
      </a></li>`)}</ul>`;
  }

  #alerts(value: Record<string, unknown> | undefined): TemplateResult | typeof nothing {
    const all = ((value?.findings ?? []) as Finding[]).filter((each) => each.level !== "ok" && !isOfWindows(each));
    if (!all.length) return nothing;
    return html`<section class="panel alerts" aria-label="Alerts" data-testid="alerts"><header><h2>${icons.warning}Alerts</h2>
      <span class="subtitle">${all.length} from the doctor</span></header>${findings(all, "Alerts")}</section>`;
  }

  /** Nothing in this range: say up to where there is something, and lead there. */
  #nothingThere(): TemplateResult {
    const { start, end } = this.#span;
    const newest = this.newestMs;
    if (newest === null) return empty("Nothing has been counted yet. Start the pipeline: `tidemill run`, or `tidemill demo`");
    if (newest < start) {
      const length = end - start;
      const until = Math.ceil((newest + 1) / 60_000) * 60_000;
      return empty(`Nothing here: the newest event is ${spoken(end - newest)} older than the end of this range. Is the pipeline running? \`tidemill doctor\``,
        html`<button type="button" class="plain" data-testid="show-newest" @click=${() => tell(this, "range", { last: null, start: until - length, end: until })}>
          Show the newest ${durationText(Math.round(length / 1_000) * 1_000)}</button>`);
    }
    const isFiltered = Object.keys(this.state.filters).length > 0;
    return empty("No window in this range counted anything.", isFiltered
      ? html`<button type="button" class="plain" @click=${() => tell(this, "filter-clear")}>Remove the filters</button>` : nothing);
  }
}

const HEADS: Record<string, string> = { window_start: "from", window_end: "to", late_count: "late", is_final: "final", corrected_at: "corrected" };

/** These columns first, in this order. */
function ordered(table: Value, names: string[]): Value {
  const order = [...table.columns.keys()].sort((one, other) => rank(table.columns[one]!.name) - rank(table.columns[other]!.name));
  function rank(name: string): number {
    const at = names.indexOf(name);
    return at < 0 ? names.length : at;
  }
  return { ...table, columns: order.map((at) => table.columns[at]!), data: order.map((at) => table.data[at]!) };
}

customElements.define("tm-panel", PanelElement);
