// Small line drawings, 16 by 16.

import { html, svg, type SVGTemplateResult, type TemplateResult } from "lit";

const icon = (body: SVGTemplateResult): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${body}</svg>`;

export const pause = icon(svg`<path d="M5.5 3v10M10.5 3v10" />`);
export const play = icon(svg`<path d="M5 3.2v9.6L12.5 8z" fill="currentColor" />`);
export const refresh = icon(svg`<path d="M13 8a5 5 0 1 1-1.5-3.6M13 2.5v3h-3" />`);
export const sun = icon(svg`<circle cx="8" cy="8" r="2.8" /><path d="M8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M12.8 3.2l-1.1 1.1M4.3 11.7l-1.1 1.1" />`);
export const moon = icon(svg`<path d="M13.2 9.8A5.8 5.8 0 0 1 6.2 2.8 5.6 5.6 0 1 0 13.2 9.8z" />`);
export const table = icon(svg`<path d="M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 6.5v6" />`);
export const chart = icon(svg`<path d="M2.5 2.5v11h11M5 10.5l2.6-3.2 2.2 1.8 3.2-4.6" />`);
export const close = icon(svg`<path d="M4 4l8 8M12 4l-8 8" />`);
export const clock = icon(svg`<circle cx="8" cy="8" r="5.7" /><path d="M8 4.8V8l2.2 1.6" />`);
export const globe = icon(svg`<circle cx="8" cy="8" r="5.7" /><path d="M2.3 8h11.4M8 2.3c2 1.7 2 9.7 0 11.4M8 2.3c-2 1.7-2 9.7 0 11.4" />`);
export const history = icon(svg`<path d="M2.6 8a5.4 5.4 0 1 0 1.7-3.9M2.5 2.5v3h3M8 5v3.2l2.2 1.3" />`);
export const download = icon(svg`<path d="M8 2.5v7.5M5 7.2L8 10l3-2.8M3 13h10" />`);
export const copy = icon(svg`<path d="M5.5 5.5h7v8h-7zM3.5 10.5v-8h7" />`);
export const warning = icon(svg`<path d="M8 2.2l6 11H2zM8 6.5v3.2M8 11.4v.4" />`);
export const filter = icon(svg`<path d="M2.5 3.5h11l-4.2 5v4.2l-2.6-1.4V8.5z" />`);
export const back = icon(svg`<path d="M9.5 3.5L5 8l4.5 4.5" />`);
export const insert = icon(svg`<path d="M3 8h9M8.5 4.5L12 8l-3.5 3.5" />`);
export const bell = icon(svg`<path d="M3.5 11.5h9l-1.2-1.8V7a3.3 3.3 0 0 0-6.6 0v2.7zM6.8 13.4h2.4" />`);
export const undo = icon(svg`<path d="M3 6.5h6.2a3 3 0 0 1 0 6H6M5.5 4L3 6.5 5.5 9" />`);
/** So many of four bars are full, however many colours somebody sees. */
export const level = (full: number): TemplateResult =>
  icon(svg`${[0, 1, 2, 3].map((at) => svg`<rect x=${2 + 3.2 * at} y=${10 - 2.2 * at} width="2" height=${3 + 2.2 * at} fill=${at < full ? "currentColor" : "none"} stroke-width="0.8" />`)}`);
