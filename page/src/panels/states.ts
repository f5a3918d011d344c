// What stands where there is nothing to show: why, and the command that changes it.

import { html, nothing, type TemplateResult } from "lit";
import type { Problem } from "../api";
import * as icons from "../icons";

/** A sentence whose `commands` can be copied. */
export function worded(text: string): (TemplateResult | string)[] {
  return text.split(/(`[^`]+`)/).filter(Boolean).map((part) => (part.startsWith("`") ? command(part.slice(1, -1)) : part));
}

export function command(text: string): TemplateResult {
  return html`<span class="command"><code>${text}</code><button type="button" class="copy" title="copy"
    aria-label=${`copy ${text}`} @click=${() => void navigator.clipboard?.writeText(text)}>${icons.copy}</button></span>`;
}

export function problemOf(problem: Problem): TemplateResult {
  const id = problem.requestId;
  return html`<div class="state problem" role="alert" data-testid="problem">
    <strong>${icons.warning}${problem.title}</strong>
    ${problem.detail ? html`<p>${worded(problem.detail)}</p>` : nothing}
    ${problem.hint ? html`<p class="hint">${worded(problem.hint)}</p>` : nothing}
    ${id ? html`<p class="small">request ${id}</p>` : nothing}
  </div>`;
}

export function empty(what: string, more: TemplateResult | typeof nothing = nothing): TemplateResult {
  return html`<div class="state empty" data-testid="empty"><p>${worded(what)}</p>${more}</div>`;
}

export function loading(): TemplateResult {
  return html`<div class="state loading" data-testid="loading"><span class="unseen">loading</span><i></i><i></i><i></i></div>`;
}
