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

export function cellText(value: unknown, type: string, zone: string, unit = ""): string {
  if (value === null || value === undefined) return "–";
  if (isTime(type)) {
    const ms = isoMs(String(value));
    return Number.isNaN(ms) ? String(value) : momentText(ms, zone);
  }
  if (isNumeric(type)) return shown(value, type, unit);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The whole value, where what is shown is rounded. */
function exact(value: unknown, type: string): string | typeof nothing {
  const text = digits(value);
  return isNumeric(type) && text !== null && text.includes(".") ? text : nothing;
}

export function tableOf(table: Table, shape: Shape): TemplateResult {
  const columns = table.columns.map((column, at) => ({ ...column, at })).filter((column) => !shape.hidden?.includes(column.name));
  const barred = columns.find((column) => column.name === shape.barred);
  const most = barred ? Math.max(0, ...table.data[barred.at]!.map((value) => position(value) ?? 0)) : 0;
  const rows = Array.from({ length: table.rows }, (_, at) => at);
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label=${shape.caption}>
      <table data-testid=${shape.testId ?? nothing}>
        <caption class="unseen">${shape.caption}</caption>
        <thead><tr>${columns.map((column) => html`
          <th scope="col" class=${isNumeric(column.type) ? "number" : ""}>${shape.heads?.[column.name] ?? column.name}</th>`)}
        </tr></thead>
        <tbody>${rows.map((row) => html`<tr>${columns.map((column) => {
          const value = table.data[column.at]![row];
          const text = cellText(value, column.type, shape.zone, shape.units?.[column.name]);
          const chosen = shape.filters?.[column.name];
          if (chosen && value !== null && value !== undefined) {
            const share = barred && most > 0 && column === columns[0] ? (position(table.data[barred.at]![row]) ?? 0) / most : null;
            return filterCell(column.name, String(value), text, chosen, shape, share);
          }
          return html`<td class=${isNumeric(column.type) ? "number" : value === null ? "none" : ""} title=${exact(value, column.type)}>${text}</td>`;
        })}</tr>`)}</tbody>
      </table>
    </div>`;
}

function filterCell(key: string, value: string, text: string, chosen: string[], shape: Shape, share: number | null): TemplateResult {
  const isOn = chosen.includes(value);
  const others = chosen.length > 0 && !isOn;
  return html`<td class="${share === null ? "" : "barred"} ${others ? "dimmed" : ""}">
    ${share === null ? nothing : html`<i ${styled({ width: `${(Math.max(0, share) * 100).toFixed(1)}%` })}></i>`}
    <button type="button" class="pick" aria-pressed=${isOn ? "true" : "false"} title=${isOn ? `show all of ${key}` : `show only ${key} ${text}`}
      @click=${() => shape.onFilter?.(key, value)}>${text}</button></td>`;
}
