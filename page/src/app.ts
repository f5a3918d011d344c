// The page: head, range and filters, the view that is chosen, and what keeps them fresh.

import { html, nothing, type TemplateResult } from "lit";
import { styled } from "./styled";
import * as api from "./api";
import { questions, type Board, type BoardLine, type Relation, type Schema } from "./boards";
import { Plain } from "./element";
import { bar } from "./bar";
import * as icons from "./icons";
import { Live, type Asked } from "./live";
import { Traces, type Status } from "./panels/figures";
import "./panels/panel";
import { command, loading, problemOf } from "./panels/states";
import { read, toggled, VIEWS, write, type Range, type State } from "./state";
import { durationMs, isoMs, spoken } from "./times";
import { question as alertsQuestion } from "./views/alerts";
import "./views/dead-letters";
import { pipelineView, questions as pipelineQuestions, snapshotRows } from "./views/pipeline";
import "./views/sql";

declare global {
  interface Window {
    /** True once all that the view shows has come, or has failed. */
    __ready?: boolean;
  }
}

const TITLES: Record<string, string> = { alerts: "Alerts", pipeline: "Pipeline", "dead-letters": "Dead letters", sql: "SQL" };

/** Numbers that change all the time are told now and then, not each time. */
const SAID_EVERY_MS = 20_000;
const STALE_AFTER_MS = 2_500;

export class App extends Plain {
  #state: State = read(location.search);
  #boards: BoardLine[] | null = null;
  #board: Board | null = null;
  #schema: Schema | null = null;
  #problem: api.Problem | null = null;
  #snapshots: { id: string; at: number }[] = [];
  #asOfAt: number | null = null;
  readonly #live = new Live(() => this.#changed());
  readonly #traces = new Traces();
  #needsToken = false;
  #frozenAt: number | null = null;
  #saidAt = 0;
  #retryTimer = 0;
  #planned = false;

  override connectedCallback(): void {
    super.connectedCallback();
    window.__ready = false;
    api.whenUnauthorized(() => {
      this.#needsToken = true;
      this.requestUpdate();
    });
    addEventListener("popstate", () => this.#become(read(location.search)));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#dress());
    this.addEventListener("tm-filter", ((event: CustomEvent<{ key: string; value: string }>) =>
      this.go({ filters: toggled(this.#state.filters, event.detail.key, event.detail.value) })) as EventListener);
    this.addEventListener("tm-filter-clear", () => this.go({ filters: {} }));
    this.addEventListener("tm-range", ((event: CustomEvent<Range>) => this.go({ range: event.detail })) as EventListener);
    this.addEventListener("tm-range-reset", () => this.go({ range: null }));
    this.addEventListener("tm-twin", ((event: CustomEvent<string>) => {
      const { twins } = this.#state;
      this.go({ twins: twins.includes(event.detail) ? twins.filter((each) => each !== event.detail) : [...twins, event.detail] });
    }) as EventListener);
    this.addEventListener("tm-sql", ((event: CustomEvent<string>) => this.go({ sql: event.detail })) as EventListener);
    this.addEventListener("tm-say", ((event: CustomEvent<string>) => this.#say(event.detail, true)) as EventListener);
    this.addEventListener("click", (event) => this.#follow(event));
    this.#dress();
    setInterval(() => this.#tick(), 200);
    void this.#begin();
  }

  /** Boards and schema; without them there is no page, so it is tried again until they come. */
  async #begin(): Promise<void> {
    clearTimeout(this.#retryTimer);
    try {
      await this.#learn();
      await this.#enter();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #learn(): Promise<void> {
    const [boards, schema] = await Promise.all([
      api.json<{ boards: BoardLine[] }>("boards"), api.json<Schema>("schema"),
    ]);
    this.#boards = boards.boards;
    this.#schema = schema;
    this.requestUpdate();
  }

  /** Shows what went wrong, and tries again until it goes well: a file may be mended, a server started. */
  #fail(error: unknown): void {
    this.#problem = error as api.Problem;
    window.__ready = true;
    if (this.#problem.status !== 401) this.#retryTimer = window.setTimeout(() => void this.#begin(), 2_000);
    this.requestUpdate();
  }

  get #view(): string {
    return this.#state.view || this.#boards?.[0]?.name || "";
  }

  get #isBoard(): boolean {
    return !VIEWS.includes(this.#view);
  }

  /** A lake without rules has no alerts to show; who has a link to them is told so. */
  get #views(): string[] {
    return VIEWS.filter((view) => view !== "alerts" || this.#view === view || this.#relation("alert_changes"));
  }

  /** Makes ready what the view needs, then asks. */
  async #enter(): Promise<void> {
    const [view, isBoard] = [this.#view, this.#isBoard];
    window.__ready = false;
    clearTimeout(this.#retryTimer);
    this.#problem = null;
    if (isBoard && this.#board?.name !== view) {
      this.#board = null;
      this.requestUpdate();
      try {
        const board = await api.json<Board>(`boards/${encodeURIComponent(view)}`);
        if (this.#view !== view) return;
        this.#board = board;
      } catch (error) {
        if (this.#view === view) this.#fail(error);
        return;
      }
    }
    if (this.#state.asOf) await this.#travel();
    document.title = `${isBoard ? this.#board?.title ?? view : TITLES[view]} · ${this.#schema?.pipeline?.name ?? "Tidemill"}`;
    this.#planned = true;
    this.#ask();
    this.requestUpdate();
  }

  /** The time of the snapshot that is looked at: ranges end there. */
  async #travel(): Promise<void> {
    const asked = this.#state.asOf;
    this.#asOfAt = null;
    try {
      const response = await api.call(`status?as_of=${encodeURIComponent(asked!)}`);
      const answer = (await response.json()) as { snapshot?: api.Snapshot };
      const time = answer.snapshot?.time ?? response.headers.get("X-Snapshot-Time");
      if (this.#state.asOf === asked && time) this.#asOfAt = isoMs(time);
    } catch (error) {
      this.#problem = error as api.Problem;
    }
  }

  /** What time it is for this page: the clock's, or that of the pause, or of the snapshot. */
  get #now(): number {
    if (this.#state.asOf && this.#asOfAt !== null) return this.#asOfAt;
    return this.#frozenAt ?? Date.now();
  }

  get #boardLast(): string {
    return this.#board?.last ?? "1h";
  }

  #relation(name: string | undefined): Relation | undefined {
    return this.#schema?.tables.find((each) => each.name === name);
  }

  #ask(): void {
    if (!this.#planned) return;
    const asked: Asked = new Map();
    if (this.#isBoard) {
      this.#board?.panels.forEach((panel, at) => {
        for (const [id, path] of questions(`p${at}`, panel, this.#relation(panel.rollup), this.#state, this.#boardLast, this.#now)) asked.set(id, path);
      });
      asked.set("s", this.#travelled("status"));
    } else if (this.#view === "pipeline") {
      for (const [id, path] of Object.entries(pipelineQuestions(this.#now))) asked.set(id, id === "n" || id === "d" ? path : this.#travelled(path));
    } else if (this.#view === "alerts") {
      asked.set("a", this.#travelled(alertsQuestion(this.#state)));
      asked.set("s", this.#travelled("status"));
    } else if (this.#view === "dead-letters") {
      asked.set("r", this.#travelled("dead-letters/reasons"));
      asked.set("s", this.#travelled("status"));
    } else {
      asked.set("s", this.#travelled("status"));
    }
    const { paused, asOf, refresh } = this.#state;
    this.#live.ask(asked, paused || asOf ? "once" : refresh === "live" ? "live" : durationMs(refresh));
  }

  #travelled(path: string): string {
    return this.#state.asOf ? `${path}${path.includes("?") ? "&" : "?"}as_of=${encodeURIComponent(this.#state.asOf)}` : path;
  }

  #changed(): void {
    const status = this.#status;
    if (status) this.#traces.add(status);
    if (this.#live.settled) void this.updateComplete.then(() => requestAnimationFrame(() => (window.__ready = true)));
    this.requestUpdate();
  }

  get #status(): Status | null {
    return (this.#live.results.get("s")?.data?.value as Status | undefined) ?? null;
  }

  #tick(): void {
    if (!this.#state.paused && !this.#state.asOf) this.#ask();
    this.#count();
    const isStale = this.#isStale;
    if (isStale !== Boolean(this.querySelector("[data-testid=stale]"))) this.requestUpdate();
    this.#sayFigures();
  }

  /** What counts up or down is written apart from the templates, five times a second. */
  #count(): void {
    const pill = this.querySelector("[data-updated]");
    if (pill) pill.textContent = this.#updatedText();
    const retry = this.querySelector("[data-retry]");
    if (retry) retry.textContent = this.#retryText();
  }

  override updated(): void {
    this.#count();
  }

  get #isStale(): boolean {
    const { link } = this.#live;
    return this.#planned && link.state === "lost" && Date.now() - link.lostAt > STALE_AFTER_MS;
  }

  #updatedText(): string {
    const { link } = this.#live;
    if (this.#state.paused) return "paused";
    if (this.#state.asOf) return `snapshot ${this.#state.asOf}`;
    if (!link.updatedAt) return link.state === "open" ? "waiting for a commit" : "connecting";
    return `updated ${spokenTenths(Date.now() - link.updatedAt)} ago`;
  }

  #retryText(): string {
    const left = Math.ceil((this.#live.link.retryAt - Date.now()) / 1_000);
    return left > 0 ? `trying again in ${left} s` : "trying now";
  }

  #sayFigures(): void {
    const status = this.#status;
    if (!status || this.#state.paused || Date.now() - this.#saidAt < SAID_EVERY_MS) return;
    const rate = Math.round(Number(status.events_per_s ?? 0)).toLocaleString("en-US");
    this.#say(`${rate} events per second, freshness ${spoken(Number(status.freshness_ms ?? 0))}, ${status.dead ?? 0} dead letters`);
  }

  #say(text: string, now = false): void {
    if (now) this.#saidAt = Date.now() - SAID_EVERY_MS / 2;
    else this.#saidAt = Date.now();
    const region = this.querySelector("[data-said]");
    if (region) region.textContent = text;
  }

  /** Chooses something: a new address, so that Back undoes it. */
  go(change: Partial<State>): void {
    const next = { ...this.#state, ...change };
    history.pushState(null, "", write(next));
    this.#become(next);
  }

  #become(next: State): void {
    const before = this.#state;
    this.#state = next;
    if (next.paused && !before.paused) this.#frozenAt = Date.now();
    if (!next.paused) this.#frozenAt = null;
    this.#dress();
    if (next.view !== before.view || next.asOf !== before.asOf) {
      void this.#enter();
      // a file may have come, or a run with another rollup; where it fails, the view tells why
      void this.#learn().catch(() => {});
    } else {
      if (next.range !== before.range || next.filters !== before.filters) window.__ready = false;
      this.#ask();
      this.#changed();
    }
    this.requestUpdate();
  }

  /** Links of the page itself change the state; all others, and those in new tabs, are the browser's. */
  #follow(event: MouseEvent): void {
    const link = (event.target as Element).closest?.("a");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.origin !== location.origin || link.pathname !== location.pathname || link.hash) return;
    event.preventDefault();
    history.pushState(null, "", link.search || link.pathname);
    this.#become(read(link.search));
    scrollTo({ top: 0 });
  }

  readonly #href = (view: string, more: Partial<State> = {}): string =>
    write({ ...this.#state, view: view || (this.#isBoard ? this.#state.view : ""), twins: [], sql: "", reason: "", alerts: "", severity: "", ...more });

  get #theme(): "light" | "dark" {
    return this.#state.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  }

  #dress(): void {
    document.documentElement.dataset.theme = this.#theme;
    this.requestUpdate();
  }

  async #listSnapshots(): Promise<void> {
    try {
      const value = await api.json<Record<string, unknown>>("snapshots?limit=200");
      this.#snapshots = snapshotRows({ snapshot: null, columns: [], data: [], rows: 0, value });
      this.requestUpdate();
    } catch {
      // the list is a help; a number or a time can be written without it
    }
  }

  override render(): TemplateResult {
    return html`
      <a class="skip" href="#main">Skip to the content</a>
      ${this.#head()}
      ${this.#isStale ? this.#stale() : nothing}
      ${this.#boards ? bar({
        state: this.#state, boardLast: this.#boardLast, hasRange: this.#isBoard, now: this.#now, snapshots: this.#snapshots, asOfAt: this.#asOfAt,
        go: (change) => this.go(change), listSnapshots: () => void this.#listSnapshots(),
      }) : nothing}
      <main id="main" tabindex="-1"><h1 class="unseen">${this.#isBoard ? this.#board?.title ?? this.#view : TITLES[this.#view]}</h1>${this.#content()}</main>
      <div class="unseen" aria-live="polite" data-said></div>
      ${this.#needsToken ? this.#tokenDialog() : nothing}`;
  }

  #head(): TemplateResult {
    const { link } = this.#live;
    const level = this.#state.paused || this.#state.asOf ? "idle" : link.state === "open" ? "good" : link.state === "lost" ? "bad" : "idle";
    const tabs = [...(this.#boards ?? []).map((board) => [board.name, board.title] as const), ...this.#views.map((view) => [view, TITLES[view]!] as const)];
    return html`<header class="top">
      <a class="brand" href=${this.#href("", { view: "" })}><img src="assets/icon.svg" alt="" width="24" height="24"><span>Tidemill</span>
        ${this.#schema?.pipeline?.name ? html`<b>${this.#schema.pipeline.name}</b>` : nothing}</a>
      <nav aria-label="Views">${tabs.map(([name, title]) => html`<a href=${this.#href(name)} data-testid=${`tab-${name}`}
        aria-current=${this.#view === name ? "page" : nothing}>${title}</a>`)}</nav>
      <div class="tools">
        <span class="updated" data-testid="updated"><span class="dot ${level}"></span><span data-updated class="tabular"></span></span>
        <button type="button" class="square" data-testid="pause" aria-pressed=${this.#state.paused ? "true" : "false"}
          title=${this.#state.paused ? "go on" : "pause"} aria-label="Pause" @click=${() => this.go({ paused: !this.#state.paused })}>
          ${this.#state.paused ? icons.play : icons.pause}</button>
        <button type="button" class="square" data-testid="refresh" title="ask anew now" aria-label="Refresh" @click=${() => this.#live.refresh()}>${icons.refresh}</button>
        <button type="button" class="square" data-testid="theme" title=${`show it ${this.#theme === "dark" ? "light" : "dark"}`}
          aria-label=${`Show it ${this.#theme === "dark" ? "light" : "dark"}`} @click=${() => this.go({ theme: this.#theme === "dark" ? "light" : "dark" })}>
          ${this.#theme === "dark" ? icons.sun : icons.moon}</button>
      </div></header>`;
  }

  #stale(): TemplateResult {
    const { link } = this.#live;
    return html`<div class="stale-banner" role="alert" data-testid="stale">${icons.warning}
      <span>The server does not answer. What you see is from ${spoken(Date.now() - (link.updatedAt || link.lostAt))} ago;
        <span data-retry class="tabular"></span>. Start it with ${command("tidemill serve")}</span>
      <button type="button" class="plain" @click=${() => this.#live.retry()}>Try now</button></div>`;
  }

  #content(): TemplateResult {
    if (this.#problem) return html`<section class="panel alone">${problemOf(this.#problem)}</section>`;
    if (!this.#boards || (this.#isBoard && !this.#board)) return html`<section class="panel alone">${loading()}</section>`;
    if (this.#view === "pipeline") return pipelineView(this.#live.results, this.#state, this.#now, this.#href);
    if (this.#view === "alerts") return html`<tm-alerts .state=${this.#state} .result=${this.#live.results.get("a")} .href=${this.#href}></tm-alerts>`;
    if (this.#view === "dead-letters") return html`<tm-dead-letters .state=${this.#state} .reasons=${this.#live.results.get("r")} .href=${this.#href}></tm-dead-letters>`;
    if (this.#view === "sql") return html`<tm-sql .state=${this.#state} .schema=${this.#schema}></tm-sql>`;
    return this.#boardContent(this.#board!);
  }

  #boardContent(board: Board): TemplateResult {
    const newest = this.#status?.newest_event_at;
    const newestMs = typeof newest === "string" ? isoMs(newest) : null;
    let section = "";
    return html`<div class="board" data-testid=${`board-${board.name}`}>${board.panels.map((panel, at) => {
        const id = `p${at}`;
        const head = panel.section && panel.section !== section ? html`<h2 class="section">${panel.section}</h2>` : nothing;
        section = panel.section ?? "";
        const relation = this.#relation(panel.rollup);
        return html`${head}<tm-panel ${styled({ "--span": String(panel.width) })} .panelId=${id} .panel=${panel} .relation=${relation}
          .state=${this.#state} .boardLast=${this.#boardLast} .result=${this.#live.results.get(id)} .earlier=${this.#live.results.get(`${id}c`)}
          .now=${this.#now} .theme=${this.#theme} .traces=${this.#traces} .href=${this.#href} .newestMs=${newestMs}
          data-span=${panel.width}></tm-panel>`;
      })}</div>
      ${board.help ? html`<p class="board-help">${board.help}</p>` : nothing}`;
  }

  #tokenDialog(): TemplateResult {
    const enter = (event: Event): void => {
      event.preventDefault();
      const text = new FormData(event.target as HTMLFormElement).get("token");
      api.keepToken(String(text ?? "").trim());
      this.#needsToken = false;
      this.requestUpdate();
      if (this.#boards) this.#live.refresh();
      else void this.#begin();
    };
    return html`<div class="veil"><form class="panel dialog" role="dialog" aria-modal="true" aria-labelledby="token-title" @submit=${enter} data-testid="token-form">
      <h2 id="token-title">This server wants a token</h2>
      <p>It is the setting <code>serve_token</code> of <code>tidemill serve</code>. It stays in this tab until you close it.</p>
      ${api.token() ? html`<p class="hint" role="alert">The token that was given is not the right one.</p>` : nothing}
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="off" required autofocus data-testid="token">
      <button class="primary" type="submit">Go on</button></form></div>`;
  }
}

function spokenTenths(ms: number): string {
  return ms < 10_000 ? `${(Math.max(0, ms) / 1_000).toFixed(1)} s` : spoken(ms);
}

customElements.define("tm-app", App);
