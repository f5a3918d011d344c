// Calls of the API this page is served by; what goes wrong becomes a Problem with a hint.

export const ROOT = "api/v1/";

export interface Column {
  name: string;
  type: string;
}

export interface Snapshot {
  id: number | string;
  time: string;
}

/** An answer as the page keeps it: columns side by side. */
export interface Table {
  snapshot: Snapshot | null;
  columns: Column[];
  data: unknown[][];
  rows: number;
  note?: string | null;
  provisional_from?: string | null;
  next?: string | null;
}

export class Problem extends Error {
  constructor(
    readonly title: string,
    readonly detail: string,
    readonly hint: string,
    readonly status: number,
    readonly requestId = "",
  ) {
    super(detail || title);
  }
}

export const UNREACHABLE = 0;

const TOKEN = "tidemill-token";

export function token(): string {
  return sessionStorage.getItem(TOKEN) ?? "";
}

export function keepToken(text: string): void {
  sessionStorage.setItem(TOKEN, text);
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  const known = token();
  return known ? { ...more, Authorization: `Bearer ${known}` } : more;
}

/** Called when the server wants a token. */
let onUnauthorized: () => void = () => {};

export function whenUnauthorized(call: () => void): void {
  onUnauthorized = call;
}

export async function problemOf(response: Response): Promise<Problem> {
  let told: Record<string, unknown> = {};
  try {
    told = (await response.json()) as Record<string, unknown>;
  } catch {
    // not of this API: a proxy's page, or nothing
  }
  const text = (name: string): string => (typeof told[name] === "string" ? (told[name] as string) : "");
  if (response.status === 401) onUnauthorized();
  return new Problem(
    text("title") || `The server answered ${response.status}`,
    text("detail"),
    text("hint"),
    response.status,
    text("request_id") || (response.headers.get("X-Request-Id") ?? ""),
  );
}

export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(ROOT + path, { ...init, headers: headers(init.headers as Record<string, string>) });
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new Problem("The server does not answer", "", "start it with `tidemill serve`", UNREACHABLE);
  }
  if (!response.ok && response.status !== 304) throw await problemOf(response);
  return response;
}

export async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await call(path, init)).json()) as T;
}

/** Rows or columns of an answer, as columns. */
export function tableOf(answer: Record<string, unknown>): Table {
  const columns = (answer.columns ?? []) as Column[];
  const given = answer as unknown as Table & { rows: number | Record<string, unknown>[] };
  const data = given.data ?? columns.map((column) => (given.rows as Record<string, unknown>[]).map((row) => row[column.name]));
  return { ...given, columns, data, rows: data[0]?.length ?? 0 };
}

export function columnOf(table: Table, name: string): unknown[] {
  const at = table.columns.findIndex((column) => column.name === name);
  return at < 0 ? [] : table.data[at]!;
}

export function typeOf(table: Table, name: string): string {
  return table.columns.find((column) => column.name === name)?.type ?? "";
}

/** A name for a query that nobody else has. */
export function freshId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
