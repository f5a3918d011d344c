// Raw records that were refused: by reason, newest first, as many as wanted.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import * as api from "../api";
import { Plain } from "../element";
import * as icons from "../icons";
import type { Result } from "../live";
import { grouped } from "../numbers";
import { empty, loading, problemOf } from "../panels/states";
import type { State } from "../state";
import { momentText } from "../times";

type Row = Record<string, unknown>;

const PAGE_ROWS = 50;

export class DeadLetters extends Plain {
  static override properties = {
    state: { attribute: false }, reasons: { attribute: false }, href: { attribute: false },
    rows: { state: true }, next: { state: true }, problem: { state: true }, busy: { state: true },
  };
  declare state: State;
  declare reasons: Result | undefined;
  declare href: (view: string, more?: Partial<State>) => string;
  declare rows: Row[] | null;
  declare next: string | null;
  declare problem: api.Problem | null;
  declare busy: boolean;
  #asked = "";
  #stop: AbortController | null = null;

  constructor() {
    super();
    this.rows = null;
    this.next = null;
    this.problem = null;
    this.busy = false;
  }

  override willUpdate(_changed: PropertyValues): void {
    const key = JSON.stringify([this.state.reason, this.state.asOf]);
    if (this.#asked !== key) {
      this.#asked = key;
      this.rows = null;
      void this.load(null);
    }
  }

  async load(cursor: string | null): Promise<void> {
    this.#stop?.abort();
    this.#stop = new AbortController();
    this.busy = true;
    const query = new URLSearchParams({ limit: String(PAGE_ROWS) });
    if (this.state.reason) query.set("reason", this.state.reason);
    if (this.state.asOf) query.set("as_of", this.state.asOf);
    if (cursor) query.set("cursor", cursor);
    try {
      const answer = await api.json<{ rows: Row[]; next: string | null }>(`dead-letters?${query}`, { signal: this.#stop.signal });
      this.rows = cursor ? [...(this.rows ?? []), ...answer.rows] : answer.rows;
      this.next = answer.next ?? null;
      this.problem = null;
    } catch (error) {
      if ((error as Error).name === "AbortError") return;
      this.problem = error as api.Problem;
    }
    this.busy = false;
  }

  override render(): TemplateResult {
    return html`
      <div class="split">
        <section class="panel side" aria-labelledby="reasons-title">
          <header><h2 id="reasons-title">Reasons</h2></header>
          ${this.#list()}
        </section>
        <section class="panel" aria-labelledby="records-title" data-testid="dead-letters">
          <header><h2 id="records-title">${this.state.reason ? html`Records refused as <em>${this.state.reason}</em>` : "Refused records"}</h2>
            <span class="subtitle">newest first</span>
            <button type="button" class="quiet" @click=${() => void this.load(null)} title="read anew">${icons.refresh}<span>Refresh</span></button></header>
          ${this.problem ? problemOf(this.problem) : nothing}
          ${this.#records()}
        </section>
      </div>`;
  }

  #list(): TemplateResult {
    const data = this.reasons?.data;
    if (!data) return this.reasons?.problem ? problemOf(this.reasons.problem) : loading();
    const counts = new Map<string, bigint>();
    const reasons = api.columnOf(data, "reason").map(String);
    api.columnOf(data, "records").forEach((count, at) => {
      counts.set(reasons[at]!, (counts.get(reasons[at]!) ?? 0n) + BigInt(String(count)));
    });
    const all = [...counts.values()].reduce((sum, each) => sum + each, 0n);
    const line = (reason: string, name: string, count: bigint): TemplateResult => html`<li>
      <a href=${this.href("dead-letters", { reason })} aria-current=${this.state.reason === reason ? "true" : nothing}>
        <span class="name">${name}</span><b>${grouped(String(count))}</b></a></li>`;
    return html`<ul class="reasons list">${line("", "all", all)}${[...counts].sort(([, one], [, other]) => (one < other ? 1 : one > other ? -1 : 0)).map(([reason, count]) => line(reason, reason, count))}</ul>`;
  }

  #records(): TemplateResult {
    if (!this.rows) return this.problem ? html`` : loading();
    if (!this.rows.length) return empty("No record was refused.");
    return html`<ul class="records">${this.rows.map((row) => this.#record(row))}</ul>
      ${this.next ? html`<button type="button" class="plain more" ?disabled=${this.busy} data-testid="more"
        @click=${() => void this.load(this.next)}>${this.busy ? "Reading …" : "Show more"}</button>` : nothing}`;
  }

  #record(row: Row): TemplateResult {
    const text = (name: string): string => (row[name] === null || row[name] === undefined ? "" : String(row[name]));
    const written = text("record_timestamp");
    const isText = row.value_is_base64 !== true;
    const isCut = Number(row.value_bytes ?? 0) > text("value").length && isText && text("value").length >= 10_000;
    return html`<li data-testid="record"><details>
      <summary>
        <span class="reason">${text("reason")}</span>
        <span class="field-name">${text("field")}</span>
        <span class="where">${text("partition")} @ ${grouped(text("offset"))}</span>
        <span class="raw">${text("value")}</span>
        <span class="when">${written ? momentText(Number(written), this.state.zone, "always") : ""}</span>
      </summary>
      <div class="raw-full">
        ${row.message ? html`<p>${text("message")}</p>` : nothing}
        <p class="small">${isText ? "The record as it came" : "The record is no UTF-8; this is its Base64"}${isCut ? ", cut" : ""}, ${grouped(text("value_bytes"))} bytes
          <button type="button" class="quiet" @click=${() => void navigator.clipboard?.writeText(text("value"))}>${icons.copy}<span>Copy</span></button></p>
        <pre data-testid="raw">${pretty(text("value"))}</pre>
      </div>
    </details></li>`;
  }
}

/** Indented where it is whole JSON; else as it is. Numbers keep their digits, so it is done on the text. */
function pretty(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  if (!/^\s*[{[]/.test(text)) return text;
  let depth = 0;
  let inText = false;
  let made = "";
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    if (inText) {
      made += sign;
      if (sign === "\\") made += text[++at] ?? "";
      else if (sign === '"') inText = false;
    } else if (sign === '"') {
      inText = true;
      made += sign;
    } else if (sign === "{" || sign === "[") made += `${sign}\n${"  ".repeat(++depth)}`;
    else if (sign === "}" || sign === "]") made += `\n${"  ".repeat(--depth)}${sign}`;
    else if (sign === ",") made += `,\n${"  ".repeat(depth)}`;
    else if (sign === ":") made += ": ";
    else if (!/\s/.test(sign)) made += sign;
  }
  return made;
}

customElements.define("tm-dead-letters", DeadLetters);
