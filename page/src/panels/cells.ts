// Tables of answers: heads, cells by type, bars behind the leading number, and what to click.

import { html, nothing, type TemplateResult } from "lit";
import { styled } from "../styled";
import type { Table } from "../api";
import { digits, isNumeric, isTime, position, shown } from "../numbers";
import { isoMs, momentText } from "../times";

export interface Shape {
  zone: string;
  caption: string;
  units?: Record<string, string>;
  /** The column whose numbers are drawn as bars behind the first one. */
  barred?: string;
  /** Columns that filter when clicked, and what is chosen in them. */
  filters?: Record<string, string[]>;
  onFilter?: (key: string, value: string) => void;
  /** Names shown instead of the columns'. */
  heads?: Record<string, string>;
  hidden?: string[];
  testId?: string;
}

/** What stands for a text without a letter, where nothing would look like NULL. */
const EMPTY = "(empty text)";

export const keyText = (value: string): string => value || EMPTY;

function cellText(value: unknown, type: string, zone: string, unit = ""): string {
  if (value === null || value === undefined) return "–";
  if (isTime(type)) {
    const ms = isoMs(String(value));
    return Number.isNaN(ms) ? String(value) : momentText(ms, zone);
  }
  if (isNumeric(type)) return shown(value, type, unit);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? JSON.stringify(value) : keyText(String(value));
}

/** All digits of a number. */
const exact = (value: unknown): string => digits(value) ?? String(value);

/** Copied are whole numbers, cell by cell; a part of one cell is copied as it is seen. */
function copied(event: ClipboardEvent): void {
  const picked = getSelection()!;
  const rows = [...(event.currentTarget as Element).querySelectorAll("tr")]
    .map((row) => [...row.cells].filter((cell) => picked.containsNode(cell, true))).filter((cells) => cells.length);
  const only = rows.length === 1 && rows[0]!.length === 1 ? rows[0]![0]! : null;
  if (!rows.length || (only && picked.toString().trim() !== only.innerText.trim())) return;
  event.clipboardData?.setData("text/plain",
    rows.map((cells) => cells.map((cell) => cell.dataset.exact ?? cell.innerText.trim()).join("\t")).join("\n"));
  event.preventDefault();
}

export function tableOf(table: Table, shape: Shape): TemplateResult {
  const columns = table.columns.map((column, at) => ({ ...column, at })).filter((column) => !shape.hidden?.includes(column.name));
  const barred = columns.find((column) => column.name === shape.barred);
  const most = barred ? Math.max(0, ...table.data[barred.at]!.map((value) => position(value) ?? 0)) : 0;
  const rows = Array.from({ length: table.rows }, (_, at) => at);
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label=${shape.caption} @copy=${copied}>
      <table data-testid=${shape.testId ?? nothing}>
        <caption class="unseen">${shape.caption}</caption>
        <thead><tr>${columns.map((column) => html`
          <th scope="col" class=${isNumeric(column.type) && !shape.filters?.[column.name] ? "number" : ""}>${shape.heads?.[column.name] ?? column.name}</th>`)}
        </tr></thead>
        <tbody>${rows.map((row) => html`<tr>${columns.map((column) => {
          const value = table.data[column.at]![row];
          const chosen = shape.filters?.[column.name];
          const isNull = value === null || value === undefined;
          const isNumber = isNumeric(column.type) && !chosen && !isNull;
          const text = chosen && isNumeric(column.type) && !isNull ? exact(value) : cellText(value, column.type, shape.zone, shape.units?.[column.name]);
          if (chosen && !isNull) {
            const share = barred && most > 0 && column === columns[0] ? (position(table.data[barred.at]![row]) ?? 0) / most : null;
            return filterCell(column.name, String(value), text, chosen, shape, share);
          }
          const whole = isNumber ? exact(value) : nothing;
          return html`<td class=${isNumber ? "number" : isNull || value === "" ? "none" : ""} title=${whole} data-exact=${whole}>${text}</td>`;
        })}</tr>`)}</tbody>
      </table>
    </div>`;
}

function filterCell(key: string, value: string, text: string, chosen: string[], shape: Shape, share: number | null): TemplateResult {
  const isOn = chosen.includes(value);
  const others = chosen.length > 0 && !isOn;
  return html`<td class="${share === null ? "" : "barred"} ${others ? "dimmed" : ""}">
    ${share === null ? nothing : html`<i ${styled({ width: `${(Math.max(0, share) * 100).toFixed(1)}%` })}></i>`}
    <button type="button" class="pick ${value ? "" : "none"}" aria-pressed=${isOn ? "true" : "false"} title=${isOn ? `show all of ${key}` : `show only ${key} ${text}`}
      @click=${() => shape.onFilter?.(key, value)}>${text}</button></td>`;
}
