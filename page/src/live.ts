// What the panels ask for, kept fresh: by the change feed, by polling, or once.

import * as api from "./api";

export type Value = api.Table & { value?: Record<string, unknown> };

export interface Result {
  /** The newest answer; it stays while a newer one fails. */
  data: Value | null;
  problem: api.Problem | null;
  /** When it came, by this machine's clock. */
  at: number;
  /** Whether it answers what was asked before, until the answer to what is asked now has come. */
  isOld: boolean;
}

export type Asked = Map<string, string>;

export type Mode = "live" | "once" | number;

export interface Link {
  state: "connecting" | "open" | "lost";
  /** Since when it is lost, and when the next try is. */
  lostAt: number;
  retryAt: number;
  /** When the last commit was told, and its snapshot. */
  updatedAt: number;
  snapshot: api.Snapshot | null;
}

const SILENT_MS = 16_000;
/** The feed says something every 5 s, even when nothing was committed. */

const SLOW = ["late/windows", "doctor", "snapshots"];
/** These read much; they are asked for now and then instead of at every commit. */
const SLOW_MS = 30_000;

const isSlow = (path: string): boolean => SLOW.includes(path.split("?")[0]!);

const BACKOFF_MS = [300, 700, 1_500, 3_000, 6_000, 10_000];

export class Live {
  readonly results = new Map<string, Result>();
  readonly link: Link = { state: "connecting", lostAt: 0, retryAt: 0, updatedAt: 0, snapshot: null };
  #asked: Asked = new Map();
  #mode: Mode = "once";
  #stop: AbortController | null = null;
  #lastId = "";
  #tries = 0;
  #tags = new Map<string, string>();
  readonly #waiting = new Set<() => void>();

  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
    const again = (): void => this.retry();
    addEventListener("online", again);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && again());
  }

  /** From now on keeps exactly these; answers to questions that stay the same are kept. */
  ask(asked: Asked, mode: Mode): void {
    const same = asked.size === this.#asked.size && [...asked].every(([id, path]) => this.#asked.get(id) === path);
    if (same && mode === this.#mode && this.#stop) return;
    if (same && mode === "once" && this.#stop && this.settled) {
      // a pause: what is seen stays as it is
      this.#mode = mode;
      this.#stop.abort();
      return;
    }
    for (const [id, path] of this.#asked) {
      const known = this.results.get(id);
      if (known?.data && asked.has(id) && asked.get(id) !== path && alike(asked.get(id)!, path)) this.results.set(id, { ...known, isOld: true });
      else if (asked.get(id) !== path) this.results.delete(id);
    }
    this.#asked = new Map(asked);
    this.#mode = mode;
    this.#lastId = "";
    this.#start();
  }

  /** Asks everything anew, now. */
  refresh(): void {
    this.#lastId = "";
    this.#start();
  }

  retry(): void {
    if (this.link.state === "lost") for (const wake of [...this.#waiting]) wake();
  }

  get settled(): boolean {
    return [...this.#asked.keys()].every((id) => this.results.get(id)?.isOld === false);
  }

  #start(): void {
    this.#stop?.abort();
    const stop = (this.#stop = new AbortController());
    this.#tries = 0;
    if (this.#mode === "live") {
      void this.#follow(stop.signal);
      void this.#poll(stop.signal, SLOW_MS, true);
    } else void this.#poll(stop.signal, this.#mode === "once" ? 0 : this.#mode);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listen(signal);
        throw new api.Problem("The server closed the feed", "", "", api.UNREACHABLE);
      } catch (error) {
        if (signal.aborted) return;
        await this.#lose(error as Error, signal);
      }
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const query = [...this.#asked].filter(([, path]) => !isSlow(path)).map(([id, path]) => `panel=${encodeURIComponent(`${id}:${path}`)}`).join("&");
    const more: Record<string, string> = { Accept: "text/event-stream" };
    if (this.#lastId) more["Last-Event-ID"] = this.#lastId;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    signal.addEventListener("abort", end);
    let silent = setTimeout(end, SILENT_MS);
    try {
      const response = await api.call(`stream?${query}`, { headers: more, signal: ended.signal, cache: "no-store" });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silent);
        silent = setTimeout(end, SILENT_MS);
        this.#found();
        rest = (rest + value).replaceAll("\r\n", "\n");
        const blocks = rest.split("\n\n");
        rest = blocks.pop()!;
        for (const block of blocks) this.#take(block);
        if (blocks.length) this.#changed();
      }
    } finally {
      clearTimeout(silent);
      signal.removeEventListener("abort", end);
      ended.abort();
    }
  }

  #take(block: string): void {
    let event = "message";
    let data = "";
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon <= 0) continue;
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).replace(/^ /, "");
      if (name === "event") event = value;
      else if (name === "data") data += (data ? "\n" : "") + value;
      else if (name === "id") this.#lastId = value;
    }
    if (!data) return;
    const told = JSON.parse(data) as Record<string, unknown>;
    if (event === "snapshot") {
      this.link.snapshot = told as unknown as api.Snapshot;
      this.link.updatedAt = Date.now();
    } else if (event === "panel") {
      this.#keep(String(told.panel), "columns" in told ? (api.tableOf(told) as Value) : ({ ...empty, value: told.value } as Value));
    } else if (event === "problem") {
      const text = (name: string): string => String(told[name] ?? "");
      const problem = new api.Problem(text("title"), text("detail"), text("hint"), Number(told.status ?? 500));
      this.#fail(String(told.panel), problem);
    }
  }

  /** `beside`: beside the feed, which tells whether the server is there; only what the feed does not carry. */
  async #poll(signal: AbortSignal, everyMs: number, beside = false): Promise<void> {
    this.#tags.clear();
    const asked = [...this.#asked].filter(([, path]) => !beside || isSlow(path));
    if (!asked.length) return;
    while (!signal.aborted) {
      try {
        await Promise.all(asked.map(([id, path]) => this.#fetchOne(id, path, signal).then(this.#changed)));
        if (signal.aborted) return;
        if (!beside) {
          this.#found();
          this.link.updatedAt = Date.now();
        }
        this.#changed();
        if (!everyMs) return;
        await this.#pause(everyMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (beside) await this.#pause(2_000, signal);
        else await this.#lose(error as Error, signal);
      }
    }
  }

  async #fetchOne(id: string, path: string, signal: AbortSignal): Promise<void> {
    const tag = this.#tags.get(id);
    const url = isSlow(path) || path === "status" ? path : path + (path.includes("?") ? "&" : "?") + "shape=columns";
    try {
      const response = await api.call(url, { signal, headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (response.status === 304) return;
      this.#tags.set(id, response.headers.get("ETag") ?? "");
      const answer = (await response.json()) as Record<string, unknown>;
      const value = "columns" in answer ? (api.tableOf(answer) as Value) : ({ ...empty, value: answer } as Value);
      if (answer.snapshot) this.link.snapshot = answer.snapshot as api.Snapshot;
      this.#keep(id, value);
    } catch (error) {
      if (!(error instanceof api.Problem) || error.status === api.UNREACHABLE || error.status === 401) throw error;
      this.#fail(id, error);
    }
  }

  #keep(id: string, data: Value): void {
    this.results.set(id, { data, problem: null, at: Date.now(), isOld: false });
  }

  #fail(id: string, problem: api.Problem): void {
    this.results.set(id, { data: this.#newest(id), problem, at: Date.now(), isOld: false });
  }

  /** What is known of a question that was asked already. */
  #newest(id: string): Value | null {
    const known = this.results.get(id);
    return known && !known.isOld ? known.data : null;
  }

  #found(): void {
    this.#tries = 0;
    if (this.link.state === "open") return;
    this.link.state = "open";
    this.#changed();
  }

  async #lose(error: Error, signal: AbortSignal): Promise<void> {
    const wait = BACKOFF_MS[Math.min(this.#tries, BACKOFF_MS.length - 1)]!;
    // apart from each other: after a restart not all viewers come in the same moment
    const waitMs = wait * (0.8 + 0.4 * (crypto.getRandomValues(new Uint8Array(1))[0]! / 255));
    this.#tries += 1;
    if (this.link.state !== "lost") this.link.lostAt = Date.now();
    this.link.state = "lost";
    this.link.retryAt = Date.now() + waitMs;
    const isOurs = error instanceof api.Problem && error.status !== api.UNREACHABLE;
    for (const id of this.#asked.keys()) {
      const known = this.results.get(id);
      if (isOurs || !known) {
        const problem = error instanceof api.Problem ? error : unreachable();
        this.results.set(id, { data: this.#newest(id), problem, at: known?.at ?? Date.now(), isOld: false });
      }
    }
    this.#changed();
    await this.#pause(waitMs, signal);
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
      this.#waiting.add(end);
    });
  }
}

/** Whether two questions are about the same, of another time or with other filters. */
const alike = (one: string, other: string): boolean => one.split("?")[0] === other.split("?")[0];

const empty = { snapshot: null, columns: [], data: [], rows: 0 };

function unreachable(): api.Problem {
  return new api.Problem("The server does not answer", "", "start it with `tidemill serve`", api.UNREACHABLE);
}
