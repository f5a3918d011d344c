// A time chart on uPlot: bars as wide as their step, open windows hatched, brush to choose a range.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import uPlot from "uplot";
import { Plain, tell } from "../element";
import { compact, shown, withUnit } from "../numbers";
import { DAY_MS, HOUR_MS, MINUTE_MS, clockText, dayText, shortDay, spanText } from "../times";

export interface Series {
  label: string;
  type: string;
  unit: string;
  /** Exact values for reading, places for drawing. */
  values: unknown[];
  points: (number | null)[];
  isGhost: boolean;
}

export interface Drawn {
  /** Starts of the steps, ms. */
  times: number[];
  stepMs: number;
  start: number;
  end: number;
  series: Series[];
  /** From here on numbers may still grow; null: all is final. */
  provisionalFrom: number | null;
  asBars: boolean;
}

const COLOURS = ["--series-1", "--series-2", "--series-3"];

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

let hatches = new Map<string, CanvasPattern>();

/** Slanted lines of a colour, 6 device pixels apart for each CSS pixel's worth. */
function hatch(context: CanvasRenderingContext2D, colour: string, width: number): CanvasPattern {
  const key = `${colour} ${width}`;
  const known = hatches.get(key);
  if (known) return known;
  const size = Math.round(6 * devicePixelRatio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const draw = tile.getContext("2d")!;
  draw.strokeStyle = colour;
  draw.lineWidth = width * devicePixelRatio;
  draw.beginPath();
  for (const shift of [-size, 0, size]) {
    draw.moveTo(shift - 1, size + 1);
    draw.lineTo(shift + size + 1, -1);
  }
  draw.stroke();
  const made = context.createPattern(tile, "repeat")!;
  hatches.set(key, made);
  return made;
}

export class Chart extends Plain {
  static override properties = {
    drawn: { attribute: false },
    zone: {},
    theme: {},
    label: {},
    height: { type: Number },
  };
  declare drawn: Drawn;
  declare zone: string;
  declare theme: string;
  declare label: string;
  declare height: number;
  #plot: uPlot | null = null;
  #made = "";
  #sizes: ResizeObserver | null = null;
  #width = 0;

  constructor() {
    super();
    this.height = 180;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(() => this.#fit());
    this.#sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
    this.#destroy();
  }

  override render(): TemplateResult {
    return html`
      <div class="legend">${this.drawn.series.map((series, at) => html`
        <span class="key"><i class=${series.isGhost ? "swatch ghost" : `swatch s${at + 1}`}></i>${series.label}
          <b data-legend=${at}></b></span>`)}
        ${this.drawn.provisionalFrom === null ? nothing : html`<span class="key" title="these windows are still open: their numbers may grow"><i class="swatch hatched"></i>open</span>`}
        <span class="legend-at" data-legend-at></span>
      </div>
      <div class="plot" tabindex="0" role="img" aria-label=${this.#summary} @keydown=${this.#onKey} @blur=${this.#leave}></div>`;
  }

  override updated(changed: PropertyValues): void {
    const shape = JSON.stringify([
      this.zone, this.theme, this.height, this.drawn.asBars, this.drawn.stepMs,
      this.drawn.series.map((series) => [series.label, series.isGhost, series.unit]),
    ]);
    if (shape !== this.#made || !this.#plot) {
      this.#destroy();
      this.#made = shape;
      this.#make();
    } else if (changed.has("drawn")) {
      this.#plot.setData(this.#data(), false);
      this.#rescale();
    }
    this.#read(this.#plot?.cursor.idx ?? null);
  }

  get #summary(): string {
    const { times, series, start, end } = this.drawn;
    if (!times.length) return `${this.label}: no values`;
    const told = series.filter((each) => !each.isGhost).map((each) => {
      const newest = [...each.values].reverse().find((value) => value !== null && value !== undefined);
      return `${each.label} ${shown(newest, each.type, each.unit)} last`;
    });
    return `${this.label}, ${spanText(start, end, this.zone, end)}, ${times.length} steps; ${told.join(", ")}. `
      + "Arrow keys read the values; the button Table shows them all.";
  }

  #data(): uPlot.AlignedData {
    const { times, series } = this.drawn;
    return [times.map((time) => time / 1_000), ...series.map((each) => each.points)] as uPlot.AlignedData;
  }

  #rescale(): void {
    const { start, end } = this.drawn;
    this.#plot?.setScale("x", { min: start / 1_000, max: end / 1_000 });
  }

  #fit(): void {
    const width = Math.floor(this.clientWidth);
    if (!width || width === this.#width) return;
    this.#width = width;
    if (this.#plot) this.#plot.setSize({ width, height: this.height });
    else if (this.drawn) this.requestUpdate();
  }

  #make(): void {
    this.#width = Math.floor(this.clientWidth);
    const host = this.querySelector<HTMLElement>(".plot");
    if (!host || !this.#width) return;
    const muted = css("--muted");
    const grid = css("--grid");
    const font = `11px ${getComputedStyle(this).fontFamily}`;
    const unit = this.drawn.series[0]?.unit ?? "";
    const axis = { stroke: muted, font, ticks: { show: false } };
    const options: uPlot.Options = {
      width: this.#width,
      height: this.height,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), this.zone),
      scales: {
        x: { time: true, auto: false },
        y: { range: (_plot, low, high) => niceRange(low, high) },
      },
      axes: [
        {
          ...axis, grid: { show: false }, size: 26, gap: 5, space: 64,
          values: (_plot, splits, _axis, _space, gap) => this.#ticks(splits, gap),
        },
        {
          ...axis, grid: { stroke: grid, width: 1 }, gap: 6, space: 34,
          size: (plot, values) => axisSize(plot, values, font),
          values: (_plot, splits) => splits.map((value) => withUnit(compact(value), unit.length === 1 ? unit : "")),
        },
      ],
      series: [{}, ...this.drawn.series.map((each, at) => this.#line(each, at))],
      cursor: {
        y: false,
        // the others follow the cursor, and not what is dragged over
        sync: { key: "board", scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave", sub: () => true } },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7, width: 2, stroke: css("--surface"), show: !this.drawn.asBars },
        bind: { dblclick: () => () => (tell(this, "range-reset"), null) },
      },
      hooks: {
        setCursor: [(plot) => this.#read(plot.cursor.idx ?? null)],
        setSelect: [(plot) => this.#brushed(plot)],
        drawClear: [(plot) => this.#drawBand(plot)],
        draw: [(plot) => this.#drawBars(plot)],
      },
    };
    this.#plot = new uPlot(options, this.#data(), host);
    this.#rescale();
  }

  #destroy(): void {
    this.#plot?.destroy();
    this.#plot = null;
    hatches = new Map();
  }

  #line(each: Series, at: number): uPlot.Series {
    const colour = each.isGhost ? css("--ghost") : css(COLOURS[at] ?? COLOURS[0]!);
    if (each.isGhost) {
      return { stroke: colour, width: 1.5, dash: [4, 3], points: { show: false }, paths: (plot, index, from, to) => this.#stairs(plot, index, from, to) };
    }
    if (this.drawn.asBars) return { stroke: colour, fill: colour, points: { show: false }, paths: () => null };
    const alone = this.drawn.series.length === 1;
    return {
      stroke: colour,
      width: 1.75,
      ...(alone ? { fill: (plot: uPlot) => shade(plot, colour) } : {}),
      points: { show: this.drawn.times.length < 3, size: 5 },
      paths: uPlot.paths.linear!(),
    };
  }

  /** A line with a level for each whole step. */
  #stairs(plot: uPlot, index: number, from: number, to: number): uPlot.Series.Paths {
    const stroke = new Path2D();
    let before: number | null = null;
    for (let at = from; at <= to; at++) {
      const value = plot.data[index]![at];
      if (value === null || value === undefined) {
        before = null;
        continue;
      }
      const time = plot.data[0]![at]!;
      const left = plot.valToPos(time, "x", true);
      const right = plot.valToPos(time + this.drawn.stepMs / 1_000, "x", true);
      const top = plot.valToPos(value, "y", true);
      if (before === time) stroke.lineTo(left, top);
      else stroke.moveTo(left, top);
      stroke.lineTo(right, top);
      before = time + this.drawn.stepMs / 1_000;
    }
    return { stroke, fill: null, clip: null, band: null, gaps: null, flags: 1 } as unknown as uPlot.Series.Paths;
  }

  #clipped(plot: uPlot, draw: (context: CanvasRenderingContext2D) => void): void {
    const { left, top, width, height } = plot.bbox;
    plot.ctx.save();
    plot.ctx.beginPath();
    plot.ctx.rect(left, top, width, height);
    plot.ctx.clip();
    draw(plot.ctx);
    plot.ctx.restore();
  }

  /** Behind lines, the time whose windows are still open. */
  #drawBand(plot: uPlot): void {
    const { provisionalFrom, asBars, times, stepMs, end } = this.drawn;
    if (provisionalFrom === null || asBars || !times.length) return;
    const from = plot.valToPos(provisionalFrom / 1_000, "x", true);
    const to = plot.valToPos(Math.min(times.at(-1)! + stepMs, end) / 1_000, "x", true);
    if (to <= from) return;
    this.#clipped(plot, (context) => {
      context.fillStyle = hatch(context, css("--hatch"), 1);
      context.fillRect(from, plot.bbox.top, to - from, plot.bbox.height);
    });
  }

  #drawBars(plot: uPlot): void {
    if (!this.drawn.asBars) return;
    const { times, stepMs, series, provisionalFrom } = this.drawn;
    const solid = series.map((each, at) => ({ each, at })).filter(({ each }) => !each.isGhost);
    const floor = plot.valToPos(0, "y", true);
    this.#clipped(plot, (context) => {
      solid.forEach(({ each, at }, place) => {
        const colour = css(COLOURS[at] ?? COLOURS[0]!);
        times.forEach((time, index) => {
          const value = each.points[index];
          if (value === null || value === undefined) return;
          const left = plot.valToPos(time / 1_000, "x", true);
          const right = plot.valToPos((time + stepMs) / 1_000, "x", true);
          const part = (right - left) / solid.length;
          const gap = part > 4 * devicePixelRatio ? devicePixelRatio : 0;
          const x = left + part * place + gap / 2;
          const y = plot.valToPos(value, "y", true);
          const width = Math.max(part - gap, 1);
          const isOpen = provisionalFrom !== null && time + stepMs > provisionalFrom;
          context.fillStyle = isOpen ? hatch(context, colour, 1.6) : colour;
          context.fillRect(x, y, width, floor - y);
          if (isOpen) {
            context.strokeStyle = colour;
            context.lineWidth = devicePixelRatio;
            context.strokeRect(x + devicePixelRatio / 2, y + devicePixelRatio / 2, width - devicePixelRatio, floor - y);
          }
        });
      });
    });
  }

  #ticks(splits: number[], gap: number): string[] {
    let day = "";
    return splits.map((split) => {
      const ms = split * 1_000;
      const at = dayText(ms, this.zone);
      const isNewDay = day !== "" && at !== day;
      day = at;
      if (gap * 1_000 >= DAY_MS) return shortDay(ms, this.zone);
      const clock = clockText(ms, this.zone, gap * 1_000 < MINUTE_MS);
      return isNewDay && clock.startsWith("00:00") ? shortDay(ms, this.zone) : clock;
    });
  }

  /** The legend tells the values under the cursor; without one, those of the newest step. */
  #read(index: number | null): void {
    const { times, series, stepMs } = this.drawn;
    const at = index ?? this.#newest;
    series.forEach((each, which) => {
      const cell = this.querySelector(`[data-legend="${which}"]`);
      if (cell) cell.textContent = at < 0 ? "" : shown(each.values[at], each.type, each.unit);
    });
    const where = this.querySelector("[data-legend-at]");
    const time = times[at];
    if (!where) return;
    where.textContent = time === undefined ? "" : stepMs >= DAY_MS ? shortDay(time, this.zone) : this.#moment(time);
  }

  /** The newest step with a value that the chart shows. */
  get #newest(): number {
    const { times, series, end } = this.drawn;
    for (let at = times.length - 1; at >= 0; at--) {
      if (times[at]! < end && series.some((each) => !each.isGhost && each.points[at] !== null && each.points[at] !== undefined)) return at;
    }
    return -1;
  }

  #moment(time: number): string {
    const far = this.drawn.end - this.drawn.start > DAY_MS - HOUR_MS;
    return `${far ? `${shortDay(time, this.zone)} ` : ""}${clockText(time, this.zone, this.drawn.stepMs < MINUTE_MS)}`;
  }

  #brushed(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const step = this.drawn.stepMs;
    const start = Math.floor((plot.posToVal(left, "x") * 1_000) / step) * step;
    const end = Math.ceil((plot.posToVal(left + width, "x") * 1_000) / step) * step;
    tell(this, "range", { last: null, start, end });
  }

  #onKey(event: KeyboardEvent): void {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined || !this.#plot) return;
    event.preventDefault();
    const { times, series } = this.drawn;
    const now = this.#plot.cursor.idx ?? this.#newest;
    const at = Math.max(0, Math.min(times.length - 1, now + move));
    if (times[at] === undefined) return;
    this.#plot.setCursor({ left: this.#plot.valToPos(times[at]! / 1_000, "x"), top: 0 });
    const told = series.map((each) => `${each.label} ${shown(each.values[at], each.type, each.unit)}`);
    tell(this, "say", `${this.#moment(times[at]!)}: ${told.join(", ")}`);
  }

  #leave(): void {
    this.#plot?.setCursor({ left: -10, top: -10 });
  }
}

/** From zero to a little above the highest; also where there is nothing. */
function niceRange(low: number, high: number): [number, number] {
  if (!Number.isFinite(high) || (low === 0 && high === 0)) return [0, 1];
  const [bottom, top] = [Math.min(0, low), Math.max(0, high)];
  const spare = (top - bottom) * 0.06;
  return [bottom < 0 ? bottom - spare : 0, top + spare];
}

function axisSize(plot: uPlot, values: string[] | null, font: string): number {
  if (!values?.length) return 40;
  plot.ctx.save();
  plot.ctx.font = font;
  const widest = Math.max(...values.map((value) => plot.ctx.measureText(value ?? "").width));
  plot.ctx.restore();
  return Math.ceil(widest) + 12;
}

function shade(plot: uPlot, colour: string): CanvasGradient | string {
  const { top, height } = plot.bbox;
  if (!Number.isFinite(top) || !height) return "transparent";
  const made = plot.ctx.createLinearGradient(0, top, 0, top + height);
  made.addColorStop(0, `${colour}40`);
  made.addColorStop(1, `${colour}05`);
  return made;
}

customElements.define("tm-chart", Chart);
