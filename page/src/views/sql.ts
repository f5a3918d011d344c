// Ad-hoc SQL: what there is on the left, a question, its answer, and downloads of it.

import { html, nothing, type TemplateResult } from "lit";
import * as api from "../api";
import type { Relation, Schema } from "../boards";
import { Plain, tell } from "../element";
import * as icons from "../icons";
import { grouped } from "../numbers";
import { tableOf } from "../panels/cells";
import { empty, loading, problemOf } from "../panels/states";
import type { State } from "../state";
import { spoken } from "../times";

const SHOWN_ROWS = 1_000;

const FORMATS: [string, string, string][] = [
  ["csv", "text/csv", "CSV"],
  ["arrow", "application/vnd.apache.arrow.stream", "Arrow"],
  ["parquet", "application/vnd.apache.parquet", "Parquet"],
];

const GROUPS: [string, (relation: Relation) => boolean][] = [
  ["Rollups", (relation) => relation.kind === "rollup"],
  ["Tables and views", (relation) => relation.kind !== "rollup" && !relation.name.includes("_delta") && !relation.name.endsWith("_distinct")],
  ["Inner tables", (relation) => relation.kind !== "rollup" && (relation.name.includes("_delta") || relation.name.endsWith("_distinct"))],
];

export class Sql extends Plain {
  static override properties = {
    state: { attribute: false }, schema: { attribute: false },
    answer: { state: true }, problem: { state: true }, running: { state: true }, tookMs: { state: true },
    saving: { state: true }, elapsedMs: { state: true },
  };
  declare state: State;
  declare schema: Schema | null;
  declare answer: (api.Table & { cut?: boolean }) | null;
  declare problem: api.Problem | null;
  declare running: string;
  declare tookMs: number;
  declare elapsedMs: number;
  declare saving: string;
  #ticking = 0;
  #answered = "";
  #stopped = false;

  constructor() {
    super();
    this.answer = null;
    this.problem = null;
    this.running = "";
    this.saving = "";
    this.tookMs = 0;
    this.elapsedMs = 0;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (this.running) void this.cancel();
  }

  get #text(): string {
    return this.querySelector<HTMLTextAreaElement>("textarea")?.value ?? this.state.sql;
  }

  override firstUpdated(): void {
    if (this.state.sql) void this.run();
  }

  override updated(): void {
    const area = this.querySelector("textarea");
    // Back brought another question
    if (area && this.state.sql !== this.#answered && document.activeElement !== area && !this.running) {
      area.value = this.state.sql || this.#example;
      this.#answered = this.state.sql;
    }
  }

  get #example(): string {
    const rollup = this.schema?.tables.find((relation) => relation.kind === "rollup");
    return rollup ? `SELECT *\nFROM ${rollup.name}\nORDER BY window_start DESC\nLIMIT 100` : "SELECT *\nFROM ledger\nLIMIT 100";
  }

  #body(sql: string, id: string, rows?: number): RequestInit {
    const asked = { sql, id, ...(rows ? { rows } : {}), ...(this.state.asOf ? { as_of: this.state.asOf } : {}) };
    return { method: "POST", body: JSON.stringify(asked), headers: { "Content-Type": "application/json" } };
  }

  async run(): Promise<void> {
    const sql = this.#text.trim();
    if (!sql || this.running) return;
    tell(this, "sql", sql);
    this.#answered = sql;
    const id = (this.running = api.freshId());
    this.problem = null;
    this.#stopped = false;
    const began = performance.now();
    this.elapsedMs = 0;
    this.#ticking = window.setInterval(() => (this.elapsedMs = performance.now() - began), 100);
    try {
      this.answer = api.tableOf(await api.json("query?shape=columns", this.#body(sql, id, SHOWN_ROWS))) as Sql["answer"];
      tell(this, "say", `${this.answer!.rows} rows`);
    } catch (error) {
      if (!this.#stopped) this.problem = error as api.Problem;
      this.answer = null;
    }
    clearInterval(this.#ticking);
    this.tookMs = performance.now() - began;
    this.running = "";
  }

  async cancel(): Promise<void> {
    const id = this.running;
    this.#stopped = true;
    if (id) await api.call(`query/${id}`, { method: "DELETE" }).catch(() => {});
  }

  async download(format: string, type: string): Promise<void> {
    this.saving = format;
    try {
      const asked = this.#body(this.#text.trim(), api.freshId());
      const response = await api.call("query", { ...asked, headers: { "Content-Type": "application/json", Accept: type } });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = `tidemill.${format}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      this.problem = error as api.Problem;
    }
    this.saving = "";
  }

  #insert(text: string): void {
    const area = this.querySelector("textarea")!;
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.focus();
  }

  override render(): TemplateResult {
    return html`<div class="split">
      <aside class="panel side schema" aria-label="Schema" data-testid="schema">
        <header><h2>Schema</h2></header>${this.schema ? this.#relations(this.schema) : loading()}</aside>
      <div class="sql">
        <section class="panel" aria-label="Question">
          <label class="unseen" for="sql-text">SQL</label>
          <textarea id="sql-text" data-testid="sql-text" spellcheck="false" autocapitalize="off" autocomplete="off" rows="8"
            .defaultValue=${this.state.sql || this.#example} @keydown=${this.#onKey}></textarea>
          <div class="actions">
            ${this.running
              ? html`<button type="button" class="plain danger" data-testid="sql-cancel" @click=${this.cancel}>${icons.close}Cancel</button>
                <span class="muted tabular">running for ${spoken(this.elapsedMs)}</span>`
              : html`<button type="button" class="primary" data-testid="sql-run" @click=${this.run}>${icons.play}Run</button>
                <span class="muted keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>`}
            <span class="gap"></span>
            ${FORMATS.map(([name, type, label]) => html`<button type="button" class="quiet" data-testid=${`download-${name}`}
              title=${`the whole answer as ${label}`} ?disabled=${Boolean(this.saving)} @click=${() => void this.download(name, type)}>
              ${icons.download}<span>${this.saving === name ? "Saving …" : label}</span></button>`)}
          </div>
        </section>
        <section class="panel answer" aria-label="Answer" aria-busy=${this.running ? "true" : "false"} data-testid="sql-answer">${this.#shown()}</section>
      </div></div>`;
  }

  #shown(): TemplateResult {
    if (this.problem) return problemOf(this.problem);
    if (!this.answer) return this.running ? loading() : this.#stopped ? empty(`Cancelled after ${spoken(this.tookMs)}.`) : empty("Each question sees one commit, whole, and can change nothing. Ask one.");
    const { rows, cut, note } = this.answer;
    return html`<header><h2 data-testid="sql-rows">${grouped(String(rows))} ${rows === 1 ? "row" : "rows"}</h2>
        <span class="subtitle">${spoken(this.tookMs)}${this.answer.snapshot ? ` · snapshot ${this.answer.snapshot.id}` : ""}</span>
        ${cut ? html`<span class="chip open">cut</span>` : nothing}</header>
      ${note ? html`<p class="small pad">${note}</p>` : nothing}
      ${rows ? tableOf(this.answer, { zone: this.state.zone, caption: "Answer", testId: "sql-table" }) : empty("No rows.")}`;
  }

  #relations(schema: Schema): TemplateResult[] {
    return GROUPS.map(([name, belongs]) => ({ name, all: schema.tables.filter(belongs) })).filter(({ all }) => all.length).map(({ name, all }) => html`
      <h3>${name}</h3>${all.map((relation) => html`<div class="relation"><details>
        <summary>${relation.name}</summary>
        <ul>${relation.columns.map((column) => html`<li><button type="button" class="name" title="put it into the question" @click=${() => this.#put(column.name)}>${column.name}</button><small>${shortType(column.type)}</small></li>`)}</ul>
      </details><button type="button" class="square" title="put it into the question" aria-label=${`put ${relation.name} into the question`} @click=${() => this.#put(relation.name)}>${icons.insert}</button></div>`)}`);
  }

  #put(name: string): void {
    this.#insert(/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void this.run();
    }
  }
}

function shortType(type: string): string {
  return type.toLowerCase().replace("timestamp with time zone", "timestamptz").replace("decimal128", "decimal");
}

customElements.define("tm-sql", Sql);
